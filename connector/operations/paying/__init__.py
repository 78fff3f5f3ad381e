"""Money in and out by command: invoices, receipts, payout batches. Their rules are kept by the rooms of earnings."""
