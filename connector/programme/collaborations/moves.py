"""The moves of a negotiation: who may do what with the offer that stands. Pure.

    open       an offer stands, and the other side may accept or decline it until it expires; either side may put
               another one in its place, and who made it may withdraw it
    agreed     accepted; a later offer opens it again, and where that one comes to nothing the agreement goes on
    declined, expired, withdrawn: over without an agreement

Every move names the offer that it is about. One that names another than the standing one is refused: so an old offer
can't be accepted, and of two answers at once one counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from connector.errors import Conflict

Side = Literal["merchant", "creator"]
Answer = Literal["accept", "decline", "withdraw"]
OUTCOMES: dict[str, str] = {"accept": "accepted", "decline": "declined", "withdraw": "withdrawn"}

# Why a move isn't taken, as both sides read it.
REFUSALS = {
    "offer_replaced": "Another offer took the place of this one. Read the newest one, then answer it.",
    "offer_unknown": "There is no such offer yet. Read the newest one, then answer it.",
    "offer_answered": "This offer was answered already.",
    "offer_expired": "This offer has expired. Make a new one.",
    "offer_own": "An offer waits for the other side's answer. You can withdraw yours, or make another one.",
    "offer_not_yours": "Only who made an offer can withdraw it. You can decline it.",
    "negotiation_over": "This negotiation is over. Begin a new one.",
}


# What of a move each is about: the number of the offer that it named, the side that makes it, or the whole.
_FIELDS = {"offer_own": "side", "offer_not_yours": "side", "negotiation_over": "state"}


class MoveRefused(Conflict):
    """A move that the state doesn't allow; `code` is one of REFUSALS, `field` what of it."""

    def __init__(self, code: str) -> None:
        super().__init__(code, public=REFUSALS[code])
        self.code, self.field = code, _FIELDS.get(code, "number")


class Standing(msgspec.Struct, frozen=True):
    """How a negotiation stands."""

    state: str  # open | agreed | declined | expired | withdrawn
    number: int  # of the newest offer
    turn: str  # whose answer is awaited; "" while no offer stands
    expires_at: datetime | None
    agreed: int  # version of the agreement in force; 0: none


def other(side: str) -> Side:
    return "creator" if side == "merchant" else "merchant"


def begin(side: Side, expires_at: datetime) -> Standing:
    return Standing("open", 1, other(side), expires_at, 0)


def offer(
    stands: Standing, side: Side, number: int, expires_at: datetime, now: datetime, *, agreed: int = 0
) -> Standing:
    """Another offer in the place of number `number`, whoever made that one.

    `agreed`: the version of the agreement that it would change, 0 where there is none: who makes an offer while the
    other side accepts the one before didn't mean it so. Errors: MoveRefused.
    """
    if stands.state not in ("open", "agreed"):
        raise MoveRefused("negotiation_over")
    _same(stands, number)
    if agreed != stands.agreed:
        raise MoveRefused("offer_answered")
    if stands.state == "open":
        _living(stands, now)
    return Standing("open", stands.number + 1, other(side), expires_at, stands.agreed)


def answer(stands: Standing, side: Side, what: Answer, number: int, now: datetime) -> Standing:
    """Accept or decline the other side's offer, or withdraw one's own. Errors: MoveRefused."""
    _same(stands, number)
    if stands.state != "open":
        raise MoveRefused("offer_answered")
    _living(stands, now)
    if what == "withdraw":
        if stands.turn == side:
            raise MoveRefused("offer_not_yours")
        return _over(stands, "withdrawn")
    if stands.turn != side:
        raise MoveRefused("offer_own")
    if what == "decline":
        return _over(stands, "declined")
    return Standing("agreed", stands.number, "", None, stands.agreed + 1)


def expire(stands: Standing, now: datetime) -> Standing:
    """As it stands once the time of an offer that nobody answered has passed; the same where it has not."""
    if stands.state != "open" or stands.expires_at is None or now < stands.expires_at:
        return stands
    return _over(stands, "expired")


def _over(stands: Standing, state: str) -> Standing:
    """The offer came to nothing: an agreement that stood before goes on."""
    return Standing("agreed" if stands.agreed else state, stands.number, "", None, stands.agreed)


def _same(stands: Standing, number: int) -> None:
    if number < stands.number:
        raise MoveRefused("offer_replaced")
    if number > stands.number:
        raise MoveRefused("offer_unknown")


def _living(stands: Standing, now: datetime) -> None:
    if stands.expires_at is None or now >= stands.expires_at:
        raise MoveRefused("offer_expired")
