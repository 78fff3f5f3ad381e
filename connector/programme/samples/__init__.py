"""Samples: a creator asks for a product, the shop sends it, and content with it comes back.

moves.py       who may do what when, pure         policy.py       the programme's dated numbers
limits.py      how many may be open, pure         offers.py       what a shop gives as samples, dated
score.py       the fulfilment score, pure         recipients.py   where a sample goes: checked, sealed, forgotten
evidence.py    does content count, pure           steps.py        a move is written down, audited and told
bought.py      what of an order comes back, pure  asking.py       may this creator ask for this product
queries.py     reads                              forgetting.py   a creator is erased

What needs a store, a ledger or a report (`operations/sampling`) stands above: placing, following, sales, paying back.
"""
