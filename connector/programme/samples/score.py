"""The fulfilment score: how often content came of a creator's samples. Creator and shops see the same number. Pure.

    score = fulfilled / (fulfilled + missed), per cent, rounded down, of the samples that ended in the last 365 days

Under three such samples there is none: one missed of one says little. What support excused counts on neither side, nor
does what is under appeal, was declined, withdrawn or cancelled, or lapsed because the shop didn't answer or send it.
A sample that was missed counts from then on; one that support found fulfilled after an appeal counts as fulfilled.
"""

from __future__ import annotations

import msgspec

from connector.programme.samples.policy import Numbers


class Score(msgspec.Struct, frozen=True):
    """`percent` None: too few samples to say. `least` and `days` are the policy's, for the words beside it."""

    fulfilled: int
    missed: int
    percent: int | None
    least: int
    days: int


def score(fulfilled: int, missed: int, numbers: Numbers) -> Score:
    ended = fulfilled + missed
    percent = 100 * fulfilled // ended if ended >= numbers.score_least else None
    return Score(fulfilled, missed, percent, numbers.score_least, numbers.score_days)
