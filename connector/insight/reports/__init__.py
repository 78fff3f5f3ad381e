"""What creators sold, counted in one way for everybody who asks: merchants, creators, the app, support.

asked.py     what is asked for: whose, of what, when       sold.py     the credited lines of the orders, streamed
engine.py    sums of them by any dimension                 taps.py     taps by the same dimensions
drill.py     the orders that a figure is made of           table.py    rows with their names, as a table and as CSV
beginnings.py  from joining to the first link to the first sale

Every figure is a sum over one stream (`sold.lines`), so a total is the sum of its rows whatever the rows are by, and
the orders beneath a row sum to the row. What is earned is what the ledger holds for the same lines (decisions/0067).
"""
