"""Documents that people keep: a merchant's invoice, a creator's statement; as a page, a PDF and a CSV file.

facts.py   what stands in them, read once for all three
sheet.py   the document as plain values: what a PDF shows
pdf.py     a sheet drawn, the same bytes for the same facts
table.py   the lines as CSV, cells that a spreadsheet would run defused
"""
