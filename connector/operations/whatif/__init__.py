"""What would it pay: an order, a creator's month or a shop's quarter under other terms, dates or settings.

asked.py     what is asked for, and whether it can be answered
price.py     the answer: the rules run again over what is kept, beside what stands; nothing is written
commands.py  `connector whatif …`
"""
