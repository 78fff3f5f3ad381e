"""`connector rebuild --verify`: everything that is owed, worked out anew from what is kept, and held against the books.

Read are order versions, loose facts, touches, codes, terms, settings, dated records, acts, agreements with the answers
to content, samples, and what settlement and payouts did (statements, reserves, receipts, payouts). Never read are the
amounts of decisions, evaluations, bonuses and entries, nor the dates of clearances: those are what is compared. That a
line cleared, and that a statement was closed, are facts of the clock. Inside their retention the raw bodies of
deliveries are translated again, too.
It writes nothing.
"""
