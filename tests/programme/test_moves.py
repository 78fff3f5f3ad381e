"""The moves of a negotiation in any order: an old offer is never accepted, and of two answers one counts."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connector.errors import InputRefused
from connector.programme.collaborations import acceptance, invitations, moves
from connector.programme.collaborations.moves import MoveRefused, Standing
from connector.programme.collaborations.proposals import Proposal
from connector.programme.collaborations.tables import AcceptanceRule
from connector.programme.collaborations.wording import cleaned

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SIDES = st.sampled_from(["merchant", "creator"])


class Negotiating(RuleBasedStateMachine):
    """Two sides who do anything at any time, about any offer; what came of each offer is kept beside the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.made: dict[int, tuple[str, datetime]] = {}  # offer → who made it, until when it stands
        self.came: dict[int, str] = {}  # offer → what came of it: one thing
        self.stands: Standing

    @initialize(side=SIDES, days=st.integers(1, 5))
    def first(self, side: moves.Side, days: int) -> None:
        self.stands = moves.begin(side, self.now + days * DAY)
        self.made[1] = (side, self.now + days * DAY)

    def _ends(self, number: int, how: str) -> None:
        assert number not in self.came, "an offer has one end"
        self.came[number] = how

    @rule(side=SIDES, number=st.integers(0, 6), days=st.integers(1, 5), agreed=st.integers(0, 2))
    def offers(self, side: moves.Side, number: int, days: int, agreed: int) -> None:
        before = self.stands
        try:
            self.stands = moves.offer(before, side, number, self.now + days * DAY, self.now, agreed=agreed)
        except MoveRefused:
            return
        assert (number, agreed) == (before.number, before.agreed)
        if before.state == "open":
            self._ends(number, "countered")
        self.made[self.stands.number] = (side, self.now + days * DAY)
        assert self.stands.turn == moves.other(side)

    @rule(side=SIDES, number=st.integers(0, 6), what=st.sampled_from(["accept", "decline", "withdraw"]))
    def answers(self, side: moves.Side, number: int, what: moves.Answer) -> None:
        before = self.stands
        try:
            self.stands = moves.answer(before, side, what, number, self.now)
        except MoveRefused:
            return
        by, until = self.made[number]
        assert number == max(self.made), "only the newest offer is answered"
        assert self.now < until, "and only in its time"
        assert (by == side) == (what == "withdraw"), "nobody accepts an offer of their own"
        self._ends(number, what)
        assert self.stands.agreed == before.agreed + (what == "accept")
        with pytest.raises(MoveRefused):  # the answer that came at the same moment
            moves.answer(
                self.stands, moves.other(side), "withdraw" if what != "withdraw" else "accept", number, self.now
            )

    @rule(days=st.integers(0, 3))
    def time_passes(self, days: int) -> None:
        self.now += days * DAY
        stands = moves.expire(self.stands, self.now)
        if stands != self.stands:
            assert self.now >= self.made[self.stands.number][1]
            self._ends(self.stands.number, "expired")
            self.stands = stands

    @invariant()
    def one_offer_stands_or_none(self) -> None:
        if not self.made:
            return
        assert self.stands.number == max(self.made)
        open_ones = set(self.made) - set(self.came)
        assert open_ones == ({self.stands.number} if self.stands.state == "open" else set())
        assert (self.stands.turn != "") == (self.stands.state == "open")
        agreed = sum(how == "accept" for how in self.came.values())
        assert self.stands.agreed == agreed
        assert not (agreed and self.stands.state in ("declined", "expired", "withdrawn")), "an agreement goes on"


TestNegotiating = Negotiating.TestCase
TestNegotiating.settings = settings(max_examples=120, stateful_step_count=20, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("rate", "followers", "days", "wishes", "fee", "taken"),
    [
        (1500, 50_000, 90, False, 9000, True),
        (1501, 50_000, 90, False, 9000, False),
        (1500, 49_999, 90, False, 9000, False),
        (1500, 50_000, 91, False, 9000, False),
        (1500, 50_000, 90, True, 9000, False),
        (1500, 50_000, 90, False, 9001, False),
    ],
)
def test_a_rule_takes_what_it_says_and_no_more(
    rate: int, followers: int, days: int, wishes: bool, fee: int, taken: bool
) -> None:
    """ "Up to 15 % for creators over 50,000 followers", each bound by itself."""
    rule = AcceptanceRule(most_bp=1500, least_followers=50_000, most_days=90, sample=False, most_fee=9000)
    given = Proposal(rate_bp=rate, ends_at=NOW + days * DAY, expires_at=NOW + DAY, sample=wishes, flat_fee=fee)
    assert acceptance.takes(rule, given, followers, NOW) is taken


def _read(text: str) -> list[tuple[int, str, int | None, str]]:
    rows = invitations.read(io.BytesIO(text.encode()), "USD")
    return [(row.number, row.handle, row.rate_bp, row.reason) for row in rows]


def test_rows_of_a_file_have_fees_in_the_shops_currency() -> None:
    text = b"handle,fee,rate\n@mira,90.00,15\nyuki,,12\ntal,0,\nann,1.005,9\nbo,lots,9\n"
    rows = [(row.handle, row.rate_bp, row.flat_fee, row.reason) for row in invitations.read(io.BytesIO(text), "USD")]
    assert rows == [
        ("@mira", 1500, 9000, ""), ("yuki", 1200, None, ""), ("tal", None, 0, ""), ("ann", 900, None, "fee_unreadable"),
        ("bo", 900, None, "fee_unreadable"),
    ]  # fmt: skip
    assert [row.flat_fee for row in invitations.read(io.BytesIO(b"handle,flat fee\nkeiko,3980\n"), "JPY")] == [3980]
    assert invitations.read(io.BytesIO(b"handle,fee\nmira,9\n"), "")[0].reason == "fee_unreadable"


def test_a_file_is_read_as_people_write_it() -> None:
    assert _read("@mira\n\nyuki\n") == [(1, "@mira", None, ""), (3, "yuki", None, "")]
    assert _read("\ufeffName;Handle;Rate\nA;@mira;12,5 %\nB;yuki;\nC;;9\nD;tal;lots\n") == [
        (2, "@mira", 1250, ""),
        (3, "yuki", None, ""),
        (4, "", None, "cell_empty"),
        (5, "tal", None, "rate_unreadable"),
    ]
    assert _read("mira,15\nyuki,20\n") == [(1, "mira", 1500, ""), (2, "yuki", 2000, "")]
    many = "\n".join(f"c{number}" for number in range(invitations.MOST))
    assert len(_read(many)) == invitations.MOST
    for wrong in ("", "\n\n", "a,b,c\n1,2,3\n", many + "\none-more\n", "handle\n", "a\x00b\n"):
        with pytest.raises(InputRefused) as refused:
            _read(wrong)
        assert refused.value.field == "file"
        assert refused.value.remedy
    with pytest.raises(InputRefused):
        invitations.read(io.BytesIO(b"\xff\xfe\x00"), "USD")


def test_what_people_write_stays_text() -> None:
    assert cleaned("text", " <b>hi</b>\r\nthere\x07\u202egnp ", 100) == "<b>hi</b>\nthere" + "gnp"
    for wrong in ("", " \x00\n ", "x" * 101, "\ud800"):
        with pytest.raises(InputRefused) as refused:
            cleaned("text", wrong, 100)
        assert refused.value.field == "text"
