"""The moves of a sample: who may do what with it, and what the clock does. Pure.

    requested   a creator asked; the shop answers until `due_at`, or it lapses
    granted     an agreement promised one; the creator chooses product and address until `due_at`, or it lapses
    approved    the shop says yes. Free: it is to be sent; refundable: the creator is to buy. Until `due_at`
    ordered     there is an order: placed at the store by us, or the creator's own purchase
    shipped     on its way
    delivered   there; content is due at `due_at`
    missed      no content in time; the creator may appeal once, until `due_at`
    appealed    support decides
    fulfilled, excused, declined, withdrawn, lapsed, cancelled: over; `missed` too once nobody may appeal

A sample of the kind `free` is placed at the store by a worker. `placing` says how that stands:

    ""          nothing is to be placed: not approved yet, refundable, or sent by hand
    waiting     to be placed; so far the store took nothing
    unknown     the store was asked and its answer isn't known: it is asked for the order before another one is placed
    placed      there is one
    refused     the store refused it, and says which field is wrong

`ending` is an end that waits for the store: what is being placed, or is placed, has to be called off there first.

A deadline is the first moment at which it is too late: at +0 s it has passed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from connector.errors import Conflict
from connector.programme.samples.policy import Numbers

Kind = Literal["free", "refundable"]
Side = Literal["creator", "merchant", "staff", "clock", "store", "rule"]
Verdict = Literal["fulfilled", "excused", "missed"]

OPEN = ("requested", "granted", "approved", "ordered", "shipped", "delivered", "missed", "appealed")
ENDS = ("fulfilled", "excused", "declined", "withdrawn", "lapsed", "cancelled")
STATES = (*OPEN, *ENDS)
# Those that count against how many a creator may have open: something is awaited of them or of the shop.
COUNTED = ("requested", "granted", "approved", "ordered", "shipped", "delivered", "appealed")
# Those of which another sample of the same product isn't given.
HOLDING = (*COUNTED, "fulfilled")
UNSENT = ("requested", "granted", "approved", "ordered")

# Why a move isn't taken, as whoever tried it reads it.
REFUSALS = {
    "sample_over": "This sample is over.",
    "not_asked": "Only a request that waits for an answer can be approved or declined.",
    "answer_late": "The time to answer has passed; the request lapses.",
    "not_granted": "Nothing was promised here that could be taken up.",
    "take_up_late": "The time to take it up has passed.",
    "already_shipped": "It is on its way already.",
    "not_approved": "It has to be approved first.",
    "already_ordered": "There is an order of it already.",
    "being_placed": "The order is being placed at the store, and its answer isn't known yet. Try again later.",
    "being_ended": "It is being called off at the store.",
    "not_refundable": "Only a refundable sample is bought by the creator.",
    "creator_buys": "A refundable sample isn't sent by the shop: the creator buys it.",
    "creator_bought": "The creator has bought it. Cancel that order in your store, or doubt that it is theirs.",
    "send_late": "The time to send it has passed.",
    "not_shipped": "It isn't on its way yet.",
    "not_delivered": "Content is due only once it has arrived.",
    "extended_already": "One extension is given, and it was.",
    "content_late": "The time for content has passed.",
    "not_missed": "There is nothing to appeal against.",
    "appealed_already": "One appeal is possible, and it was made.",
    "appeal_late": "The time to appeal has passed.",
    "not_appealed": "There is no appeal to decide.",
    "order_not_named": "No order was named for it.",
    "order_confirmed": "It is confirmed already that the creator bought it.",
    "order_awaited": "The shop is still to say whether the order is the creator's.",
    "address_fixed": "Where it goes can be changed only until the order is placed.",
}


class MoveRefused(Conflict):
    """A move that the state doesn't allow; `code` is one of REFUSALS."""

    def __init__(self, code: str) -> None:
        super().__init__(code, public=REFUSALS[code])
        self.code, self.field = code, "state"


class Standing(msgspec.Struct, frozen=True):
    """How a sample stands."""

    kind: str  # free | refundable
    state: str
    due_at: datetime | None = None  # what has to happen until then is told by the state
    placing: str = ""
    ending: str = ""  # withdrawn | cancelled, once the store has called it off
    extended: bool = False
    appealed: bool = False

    @property
    def over(self) -> bool:
        return self.state in ENDS


def ask(kind: Kind, now: datetime, numbers: Numbers) -> Standing:
    """A creator asks."""
    return Standing(kind, "requested", now + timedelta(days=numbers.answer_days))


def grant(until: datetime) -> Standing:
    """An agreement promises one; it is free."""
    return Standing("free", "granted", until)


def take_up(stands: Standing, now: datetime, numbers: Numbers, *, placed_by_us: bool) -> Standing:
    """The creator says which product, and where it goes: nobody approves it any more. Errors: MoveRefused."""
    _living(stands)
    if stands.state != "granted":
        raise MoveRefused("not_granted")
    if _passed(stands, now):
        raise MoveRefused("take_up_late")
    return _approved(stands, now, numbers, placed_by_us=placed_by_us)


def approve(stands: Standing, now: datetime, numbers: Numbers, *, placed_by_us: bool) -> Standing:
    """The shop says yes, by a person or a rule. `placed_by_us`: we can place the order at its store.

    Errors: MoveRefused.
    """
    _answerable(stands, now)
    return _approved(stands, now, numbers, placed_by_us=placed_by_us)


def decline(stands: Standing, now: datetime) -> Standing:
    """Errors: MoveRefused."""
    _answerable(stands, now)
    return _end(stands, "declined")


def withdraw(stands: Standing, now: datetime) -> Standing:
    """The creator doesn't want it any more, before it is shipped. Errors: MoveRefused."""
    return _call_off(stands, "withdrawn")


def cancel(stands: Standing, now: datetime) -> Standing:
    """The shop can't send it, before it is shipped: no stock, or any other reason. Errors: MoveRefused."""
    return _call_off(stands, "cancelled")


def called_off(stands: Standing) -> Standing:
    """The store says that there is no order, or that it cancelled it: what waited for it ends."""
    if not stands.ending:
        raise MoveRefused("sample_over" if stands.over else "not_approved")
    return _end(stands, stands.ending)


def not_called_off(stands: Standing) -> Standing:
    """The store says that the order is on its way already: it goes on."""
    return msgspec.structs.replace(stands, ending="")


def lost_at_store(stands: Standing) -> Standing:
    """The store cancelled or deleted the order. What has arrived stays. Errors: MoveRefused."""
    _living(stands)
    if stands.state not in ("ordered", "shipped"):
        raise MoveRefused("not_approved" if stands.state in UNSENT else "already_shipped")
    return _end(stands, stands.ending or "cancelled")


def ordered(stands: Standing) -> Standing:
    """An order of it is known: one that we placed, or the creator's own. Errors: MoveRefused."""
    _living(stands)
    if stands.state == "ordered":
        raise MoveRefused("already_ordered")
    if stands.state != "approved":
        raise MoveRefused("not_approved" if stands.state in ("requested", "granted") else "already_shipped")
    placed = "placed" if stands.kind == "free" else ""
    return msgspec.structs.replace(stands, state="ordered", due_at=None, placing=placed)


def bought(stands: Standing, now: datetime) -> Standing:
    """The creator names their own purchase. Errors: MoveRefused."""
    _living(stands)
    if stands.kind != "refundable":
        raise MoveRefused("not_refundable")
    if stands.state == "approved" and _passed(stands, now):
        raise MoveRefused("send_late")
    return ordered(stands)


def bought_otherwise(stands: Standing, *, confirmed: bool, doubted: bool) -> Standing:
    """The creator names another order, since the shop doubts the one before: nothing else moves, also once its content
    counts. Errors: MoveRefused."""
    if stands.kind != "refundable":
        raise MoveRefused("not_refundable")
    if confirmed:
        raise MoveRefused("order_confirmed")
    if not doubted:
        raise MoveRefused("order_awaited")
    if stands.over and stands.state != "fulfilled":
        raise MoveRefused("sample_over")
    return stands


def readdress(stands: Standing, *, placed_by_us: bool) -> Standing:
    """Another address; what the store refused is to be placed again. Errors: MoveRefused."""
    _living(stands)
    if stands.ending:
        raise MoveRefused("being_ended")
    if stands.state == "requested":
        return stands
    if stands.state != "approved" or stands.kind != "free":
        raise MoveRefused("address_fixed")
    if stands.placing == "unknown":
        raise MoveRefused("being_placed")
    return msgspec.structs.replace(stands, placing="waiting" if placed_by_us else "")


def by_hand(stands: Standing) -> Standing:
    """The shop sends it without an order of ours. Errors: MoveRefused."""
    _living(stands)
    if stands.ending:
        raise MoveRefused("being_ended")
    if stands.kind != "free":
        raise MoveRefused("creator_buys")
    if stands.state != "approved":
        raise MoveRefused("not_approved" if stands.state in ("requested", "granted") else "already_ordered")
    if stands.placing == "unknown":
        raise MoveRefused("being_placed")
    return msgspec.structs.replace(stands, placing="")


def place_again(stands: Standing) -> Standing:
    """The store is to be asked for an order: after a refusal, or instead of sending by hand. Errors: MoveRefused."""
    _living(stands)
    if stands.kind != "free":
        raise MoveRefused("creator_buys")
    if stands.ending:
        raise MoveRefused("being_ended")
    if stands.state != "approved":
        raise MoveRefused("not_approved" if stands.state in ("requested", "granted") else "already_ordered")
    return stands if stands.placing == "unknown" else msgspec.structs.replace(stands, placing="waiting")


def asked_store(stands: Standing) -> Standing:
    """The store is about to be asked for an order: until its answer is written down nobody knows.

    Errors: MoveRefused.
    """
    _living(stands)
    if stands.state != "approved" or stands.placing not in ("waiting", "unknown"):
        raise MoveRefused("already_ordered" if stands.state == "ordered" else "not_approved")
    if stands.ending:
        raise MoveRefused("being_ended")
    return msgspec.structs.replace(stands, placing="unknown")


def refused_by_store(stands: Standing) -> Standing:
    """The store refused the order: there is none."""
    return msgspec.structs.replace(stands, placing="refused")


def not_placed(stands: Standing) -> Standing:
    """It is known that the store took nothing: it is tried again."""
    return msgspec.structs.replace(stands, placing="waiting")


def ship(stands: Standing, numbers: Numbers, now: datetime) -> Standing:
    """It is on its way. By hand from `approved`, else of the order. Until it is known to have arrived it is taken to
    have after so many days. Errors: MoveRefused."""
    _living(stands)
    if stands.state in ("requested", "granted"):
        raise MoveRefused("not_approved")
    if stands.state == "approved":
        stands = by_hand(stands)
    elif stands.state != "ordered":
        raise MoveRefused("already_shipped")
    return msgspec.structs.replace(
        stands, state="shipped", ending="", due_at=now + timedelta(days=numbers.assumed_days)
    )


def deliver(stands: Standing, numbers: Numbers, delivered_at: datetime) -> Standing:
    """It has arrived: content is due from then on. What was sent by hand may arrive before anybody marked it as sent.

    Errors: MoveRefused.
    """
    _living(stands)
    if stands.state == "approved":
        stands = by_hand(stands)
    elif stands.state not in ("ordered", "shipped"):
        raise MoveRefused("not_shipped" if stands.state in UNSENT else "already_shipped")
    return msgspec.structs.replace(
        stands, state="delivered", ending="", due_at=delivered_at + content_time(stands.kind, numbers)
    )


def corrected(stands: Standing, numbers: Numbers, delivered_at: datetime) -> Standing:
    """It was taken to have arrived, and somebody says when it really did: later gives more time, earlier takes none."""
    if stands.state != "delivered" or stands.due_at is None:
        return stands
    more = timedelta(days=numbers.extension_days) if stands.extended else timedelta(0)
    due_at = delivered_at + content_time(stands.kind, numbers) + more
    return msgspec.structs.replace(stands, due_at=max(stands.due_at, due_at))


def content_time(kind: str, numbers: Numbers) -> timedelta:
    return timedelta(days=numbers.free_days if kind == "free" else numbers.refundable_days)


def extend(stands: Standing, now: datetime, numbers: Numbers) -> Standing:
    """More time for content, once, while there is some. Errors: MoveRefused."""
    _living(stands)
    if stands.state != "delivered" or stands.due_at is None:
        raise MoveRefused("content_late" if stands.state in ("missed", "appealed") else "not_delivered")
    if stands.extended:
        raise MoveRefused("extended_already")
    if _passed(stands, now):
        raise MoveRefused("content_late")
    due_at = stands.due_at + timedelta(days=numbers.extension_days)
    return msgspec.structs.replace(stands, due_at=due_at, extended=True)


def fulfil(stands: Standing) -> Standing:
    """Content counts. Errors: MoveRefused."""
    _living(stands)
    if stands.state not in ("shipped", "delivered"):
        raise MoveRefused("content_late" if stands.state in ("missed", "appealed") else "not_shipped")
    return _end(stands, "fulfilled")


def appeal(stands: Standing, now: datetime) -> Standing:
    """Once, in time. Errors: MoveRefused."""
    _living(stands)
    if stands.appealed:
        raise MoveRefused("appealed_already")
    if stands.state != "missed":
        raise MoveRefused("not_missed")
    if _passed(stands, now):
        raise MoveRefused("appeal_late")
    return msgspec.structs.replace(stands, state="appealed", due_at=None, appealed=True)


def decide(stands: Standing, verdict: Verdict) -> Standing:
    """Support decides. `excused`: it counts for nothing; `missed`: it stays so, for good. Errors: MoveRefused."""
    _living(stands)
    if stands.state != "appealed":
        raise MoveRefused("not_appealed")
    if verdict == "missed":
        return msgspec.structs.replace(stands, state="missed", due_at=None)
    return _end(stands, verdict)


def due(stands: Standing, now: datetime) -> bool:
    """Has the clock something to say?"""
    if stands.over or stands.ending or not _passed(stands, now):
        return False
    # What may be on its way already doesn't lapse: its order is asked for first.
    return not (stands.state == "approved" and stands.placing == "unknown")


def tick(stands: Standing, now: datetime, numbers: Numbers) -> Standing:
    """As it stands once its deadline has passed; the same where it has not. Content that counts, or may yet, is looked
    for before. A shipped one is taken to have arrived at its deadline."""
    if not due(stands, now) or stands.due_at is None:
        return stands
    if stands.state in ("requested", "granted", "approved"):
        return _end(stands, "lapsed")
    if stands.state == "shipped":
        return deliver(stands, numbers, stands.due_at)
    if stands.state == "delivered":
        appeal_until = stands.due_at + timedelta(days=numbers.appeal_days)
        return msgspec.structs.replace(stands, state="missed", due_at=appeal_until)
    return msgspec.structs.replace(stands, due_at=None)  # missed: nobody may appeal any more


def _approved(stands: Standing, now: datetime, numbers: Numbers, *, placed_by_us: bool) -> Standing:
    placing = "waiting" if placed_by_us and stands.kind == "free" else ""
    due_at = now + timedelta(days=numbers.send_days)
    return msgspec.structs.replace(stands, state="approved", due_at=due_at, placing=placing)


def _answerable(stands: Standing, now: datetime) -> None:
    _living(stands)
    if stands.state != "requested":
        raise MoveRefused("not_asked")
    if _passed(stands, now):
        raise MoveRefused("answer_late")


def _call_off(stands: Standing, end: str) -> Standing:
    _living(stands)
    if stands.state not in UNSENT:
        raise MoveRefused("already_shipped")
    if stands.ending:
        raise MoveRefused("being_ended")
    if stands.placing in ("unknown", "placed"):
        return msgspec.structs.replace(stands, ending=end)
    return _end(stands, end)


def _end(stands: Standing, state: str) -> Standing:
    # An order that was placed stays named as placed; what was only tried isn't any more.
    placing = stands.placing if stands.placing == "placed" else ""
    return msgspec.structs.replace(stands, state=state, due_at=None, placing=placing, ending="")


def _living(stands: Standing) -> None:
    if stands.over:
        raise MoveRefused("sample_over")


def _passed(stands: Standing, now: datetime) -> bool:
    return stands.due_at is not None and now >= stands.due_at
