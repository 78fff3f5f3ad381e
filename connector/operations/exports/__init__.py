"""The books as files for other programs: CSV, JSON Lines, Beancount, hledger."""
