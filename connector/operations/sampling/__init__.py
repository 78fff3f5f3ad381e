"""What samples need of higher rooms: a creator's sales, orders at stores, money that comes back.

acts.py        everything that people do with a sample, for faces and commands
sales.py       what a creator sold in the app: how many samples may be open
placing.py     a sample order is placed at the store, or called off there: durable, never twice
following.py   the clock, stock, the store's orders and content move samples on
paying.py      what a creator paid for a refundable sample comes back, once the shop's hold is over
promised.py    an agreement's promise becomes a sample
commands.py    `connector samples …`
"""
