"""Samples: what a creator asks for, what a shop sends, and the content that is owed for it."""
