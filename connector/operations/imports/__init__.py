"""What a merchant brings from the programme they had before: creators' codes, bio links, open balances.

A file is looked at first (`run.look`): every row is judged and kept with its outcome, nothing else changes. A person
then takes what is clean (`run.take`), against the facts that the report was made from. What contradicts what stands
here, or another row, is named and never guessed.
"""
