"""`connector rebuild --verify`: everything that is owed, worked out anew from what is kept, and held against the books.

Read are order versions, loose facts, touches, codes, terms, settings, dated records, acts, and what settlement and
payouts did (clearances, statements, reserves, receipts, payouts). Never read are the amounts of decisions, evaluations
and entries: those are what is compared. Inside their retention the raw bodies of deliveries are translated again, too.
It writes nothing.
"""
