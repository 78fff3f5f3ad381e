"""What people do with samples. Each act locks the sample, asks `moves`, writes the step, tells, and may be repeated.

    creator     ask, take_up, readdress, withdraw, name_order, received, name_content, extend, appeal
    shop        approve, decline, cancel, by_hand, place_again, confirm, doubt, shipped, delivered; many by `each`
    support     decide_appeal, and everything that a shop may do

`by` is the actor, `side` whom they act for. `shop_id` and `creator_id` say whose it has to be: another's isn't found.
Errors of all: NotFound; MoveRefused and AskRefused with a code; InputRefused by field. None holds an address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, jobs
from connector.commerce.catalog import ids
from connector.commerce.catalog.tables import Listing
from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import GrantRow, Shop
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.operations.sampling import paying, sales
from connector.platforms import roster
from connector.platforms.contract import Recipient
from connector.programme.collaborations import agreements, approvals
from connector.programme.collaborations.tables import Agreement, Offer
from connector.programme.content import queries as contents
from connector.programme.content.tables import Anchor
from connector.programme.creators import queries as creators
from connector.programme.samples import asking, bought, moves, offers, policy, queries, recipients, steps
from connector.programme.samples.asking import AskRefused, Wanted
from connector.programme.samples.moves import Kind, MoveRefused, Side, Standing, Verdict
from connector.programme.samples.tables import Sample, SampleAppeal, SampleContent, SampleOffer

PLACE = "samples.place"
MOST_AT_ONCE = 200
_LONGEST = {"note": 500, "reason": 500, "words": 2000, "carrier": 80, "tracking": 120, "order_number": 80}
_MOST_CONTENTS = 20
# A shop's or creator's own clock may run a little ahead of ours.
_AHEAD = timedelta(seconds=60)


# ------------------------------------------------------------------ the creator


def ask(
    session: Session, creator_id: str, listing_id: str, *, kind: Kind = "free", variant_ref: str = "",
    recipient: Mapping[str, str] | None = None, note: str = "", request_key: str | None = None, by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """A creator asks for a sample of a product. A rule of the shop may approve it at once.

    `recipient`: name, address1, address2, city, region, postal_code, country, phone, email; needed for a free one.
    `variant_ref` "": the first that can be bought. `request_key`: a repeat gives the sample that the first one made.
    Errors: as the module says; limit_reached, one of each, and whatever else `asking.REFUSALS` has.
    """
    now = now or clock.now()
    if kind not in offers.KINDS:
        raise InputRefused("kind", f"{str(kind)[:40]!r} is no kind of sample.", f"Use {' or '.join(offers.KINDS)}.")
    note = _text("note", note)
    address = recipients.checked(recipient or {}) if kind == "free" else None
    asking.lock_creator(session, creator_id)
    before = _repeated(session, creator_id, request_key, listing_id, kind)
    if before is not None:
        return before
    asking.eligible(session, creator_id, now)
    standing = policy.at(session, now)
    wanted = asking.wanted(session, listing_id, variant_ref)
    asking.one_of_each(session, creator_id, wanted, standing.numbers, now)
    offer = asking.given(session, wanted, creator_id, kind, now)
    allowance = sales.allowance(session, creator_id, standing, now)
    if allowance.open >= allowance.most_open:
        said = f"{allowance.open} samples are open, and {allowance.most_open} may be at once."
        raise AskRefused("limit_reached", words=f"{said} One more can be asked for when one of them is over.")
    row = new(wanted.shop.id, creator_id, kind, standing.version, request_key=request_key, now=now)
    row.offer_id, row.product_ref, row.variant_ref = offer.id, wanted.listing.product_ref, wanted.variant.variant_ref
    row.note, row.standing = note, msgspec.to_builtins(allowance)
    row.currency = wanted.listing.currency
    if kind == "refundable":
        row.agreed_amount = wanted.variant.price
    if address is not None:
        row.recipient_sealed, row.recipient_country = recipients.seal(address), address.country
    stands = moves.ask(kind, now, standing.numbers)
    session.add(row)
    session.flush()
    steps.take(session, row, stands, "ask", side="creator", by=by, now=now)
    if offers.takes_by_itself(offer, follower_count=allowance.followers, percent=allowance.score):
        _approve(session, row, offer, side="rule", by=f"rule:{offer.id}", now=now)
    return row


def take_up(
    session: Session, sample_id: str, listing_id: str, recipient: Mapping[str, str], *, variant_ref: str = "",
    creator_id: str | None = None, by: str, now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The creator chooses what an agreement promised, and says where it goes. Nobody approves it any more."""
    now = now or clock.now()
    address = recipients.checked(recipient)
    asking.lock_creator(session, steps.find(session, sample_id, creator_id=creator_id).creator_id)
    row = steps.locked(session, sample_id, creator_id=creator_id)
    if row.state != "granted" and row.product_ref and _fits(session, row, listing_id, variant_ref, address):
        return row
    _living_creator(session, row)
    numbers = steps.numbers_of(session, row)
    stands = moves.take_up(steps.standing(row), now, numbers, placed_by_us=places(session, row.shop_id))
    wanted = asking.wanted(session, listing_id, variant_ref)
    _agreed(session, row, wanted, now)
    asking.one_of_each(session, row.creator_id, wanted, numbers, now, but=row.id)
    row.product_ref, row.variant_ref = wanted.listing.product_ref, wanted.variant.variant_ref
    row.currency, row.approved_at = wanted.listing.currency, now
    row.recipient_sealed, row.recipient_country = recipients.seal(address), address.country
    steps.take(session, row, stands, "take_up", side="creator", by=by, now=now, product_ref=row.product_ref)
    _place_soon(session, row, now)
    return row


def readdress(
    session: Session, sample_id: str, recipient: Mapping[str, str], *, creator_id: str | None = None, by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """Another address, until the order is placed. What the store refused is placed again with it."""
    now = now or clock.now()
    address = recipients.checked(recipient)
    row = steps.locked(session, sample_id, creator_id=creator_id)
    if row.placing != "refused" and recipients.fits(row.recipient_sealed, address):
        return row
    _living_creator(session, row)
    if row.kind != "free":
        raise MoveRefused("creator_buys")
    ours = not row.by_hand and places(session, row.shop_id)
    stands = moves.readdress(steps.standing(row), placed_by_us=ours)
    row.recipient_sealed, row.recipient_country = recipients.seal(address), address.country
    _no_problem(row)
    steps.take(session, row, stands, "readdress", side="creator", by=by, now=now, country=address.country)
    _place_soon(session, row, now)
    return row


def withdraw(
    session: Session, sample_id: str, *, creator_id: str | None = None, by: str, now: datetime | None = None
) -> Sample:  # fmt: skip
    """The creator doesn't want it any more, before it is shipped. An order at the store is called off there first:
    until then `ending` says so, and where it was shipped meanwhile it goes on."""
    now = now or clock.now()
    row = steps.locked(session, sample_id, creator_id=creator_id)
    if row.state == "withdrawn" or row.ending == "withdrawn":
        return row
    return _call_off(session, row, moves.withdraw(steps.standing(row), now), "withdraw", side="creator", by=by, now=now)


def name_order(
    session: Session, sample_id: str, order: str, *, creator_id: str | None = None, by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The creator names the order by which they bought a refundable sample: its number, the store's id of it, or the
    touch token that rode with it.

    It has to be placed after the approval, hold the product and be in the agreed currency. That it is theirs is known
    by the token, which its buyer alone has, or where we know the buyer as this creator; else the shop confirms or
    doubts it within its days to answer, or support does afterwards. What is doubted is named anew.
    """
    now = now or clock.now()
    row = steps.locked(session, sample_id, creator_id=creator_id)
    by_token = paying.by_token(session, row, order)
    found, proven = by_token or (_order(session, row.shop_id, order), False)
    if row.order_ref is not None and row.order_ref == found.order_ref:
        return row
    stands = steps.standing(row)
    if row.order_ref is None:
        stands = moves.bought(stands, now)
    else:
        stands = moves.bought_otherwise(stands, confirmed=row.confirmed, doubted=steps.unproven(row))
    facts = orders.facts(found)
    code = bought.why_not(
        facts.snapshot, product_ref=row.product_ref, variant_ref=row.variant_ref, currency=row.currency,
        approved_at=row.approved_at or row.asked_at,
    )  # fmt: skip
    if code:
        raise AskRefused(code)
    # Two who name one order at once: the second waits here, and sees the first.
    session.execute(sa.select(Order.id).where(Order.id == found.id).with_for_update(key_share=True))
    if session.scalar(sa.select(Sample.id).where(Sample.shop_id == row.shop_id, Sample.order_ref == found.order_ref)):
        raise AskRefused("order_taken")
    row.order_ref, row.order_number = found.order_ref, found.number
    row.confirmed = proven or paying.theirs(session, row, found, now)
    days = steps.numbers_of(session, row).answer_days
    row.confirm_by, row.words = None if row.confirmed else now + timedelta(days=days), ""
    steps.take(
        session, row, stands, "name_order", side="creator", by=by, now=now, order_id=found.id, confirmed=row.confirmed
    )  # fmt: skip
    paying.settle(session, row, now)
    return row


def received(
    session: Session, sample_id: str, *, creator_id: str | None = None, at: datetime | None = None, by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The creator says that it has arrived: content is due from then on."""
    row = steps.locked(session, sample_id, creator_id=creator_id)
    return _arrived(session, row, "creator", at, by=by, now=now or clock.now())


def name_content(
    session: Session, sample_id: str, content_id: str, *, creator_id: str | None = None, by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The creator names content for the sample: theirs, with the product in it, newer than the approval.

    Whatever content has the product counts, named or not; a named one is shown to the shop. Fulfils it where it
    counts already.
    """
    now = now or clock.now()
    row = steps.locked(session, sample_id, creator_id=creator_id)
    stands = steps.standing(row)
    named = queries.contents(session, [row.id])[row.id]
    if content_id in named:
        return row
    if stands.over:
        raise MoveRefused("sample_over")
    if row.approved_at is None:
        raise MoveRefused("not_approved")
    if row.state in ("missed", "appealed"):
        raise MoveRefused("content_late")
    if len(named) >= _MOST_CONTENTS:
        raise AskRefused("content_too_many")
    try:
        content = contents.get(session, content_id)
    except NotFound:
        raise AskRefused("content_unknown") from None
    if content.creator_id != row.creator_id:
        raise AskRefused("content_unknown")
    with_product = sa.select(Anchor.id).where(
        Anchor.content_id == content.id, Anchor.shop_id == row.shop_id, Anchor.product_ref == row.product_ref
    )
    if session.scalar(with_product.limit(1)) is None:
        raise AskRefused("content_without_product")
    if content.created_at < row.approved_at:
        raise AskRefused("content_too_old")
    session.add(SampleContent(sample_id=row.id, content_id=content.id, named_at=now, named_by=by))
    session.flush()
    steps.take(session, row, stands, "name_content", side="creator", by=by, now=now, content_id=content.id)
    fulfil(session, row, now)
    return row


def extend(
    session: Session, sample_id: str, *, creator_id: str | None = None, request_key: str | None = None, by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The creator takes the one extension. Asked for twice it isn't given twice: MoveRefused("extended_already"), but
    for the same request once more."""
    now = now or clock.now()
    row = steps.locked(session, sample_id, creator_id=creator_id)
    key: dict[str, Any] = {} if request_key is None else {"request": request_key}
    if key and any(each.act == "extend" and each.detail == key for each in queries.steps(session, row.id)):
        return row
    stands = moves.extend(steps.standing(row), now, steps.numbers_of(session, row))
    steps.take(session, row, stands, "extend", side="creator", by=by, now=now, **key)
    return row


def appeal(
    session: Session, sample_id: str, words: str, *, creator_id: str | None = None, by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The creator says why it should not count as missed: once, and support decides."""
    now = now or clock.now()
    words = _text("words", words, needed=True)
    row = steps.locked(session, sample_id, creator_id=creator_id)
    before = session.get(SampleAppeal, row.id)
    if before is not None and before.words == words:
        return row
    stands = moves.appeal(steps.standing(row), now)
    session.add(
        SampleAppeal(
            sample_id=row.id, words=words, made_at=now, made_by=by, verdict="", decided_at=None, decided_by="", note=""
        )
    )
    steps.take(session, row, stands, "appeal", side="creator", by=by, now=now)
    return row


# ------------------------------------------------------------------ the shop


def approve(
    session: Session, sample_id: str, *, shop_id: str | None = None, most: int | None = None, side: Side = "merchant",
    by: str, now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The shop says yes. A free one is placed at its store where that can be, else it sends it by hand.

    `most`: of a refundable one, what comes back at most, below the price that was asked for.
    """
    now = now or clock.now()
    row = steps.locked(session, sample_id, shop_id=shop_id)
    if row.state not in ("requested", "declined", "lapsed", "withdrawn", "cancelled") and row.approved_at is not None:
        return row
    if most is not None:
        if row.kind != "refundable" or row.agreed_amount is None:
            raise InputRefused("most", "goes with a refundable sample only.", "Leave it out.")
        if isinstance(most, bool) or not 1 <= most <= row.agreed_amount:
            raise InputRefused("most", f"isn't from 1 to {row.agreed_amount} minor units.", "The price is the most.")
    offer = session.get(SampleOffer, row.offer_id) if row.offer_id else None
    _approve(session, row, offer, side=side, by=by, now=now, most=most)
    return row


def decline(
    session: Session, sample_id: str, reason: str, *, shop_id: str | None = None, side: Side = "merchant", by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The shop says no, and why: the creator reads it."""
    now = now or clock.now()
    words = _text("reason", reason, needed=True)
    row = steps.locked(session, sample_id, shop_id=shop_id)
    if row.state == "declined":
        return row
    stands = moves.decline(steps.standing(row), now)
    row.words = words
    steps.take(session, row, stands, "decline", side=side, by=by, now=now, reason="shop_declined")
    return row


def cancel(
    session: Session, sample_id: str, reason: str, *, shop_id: str | None = None, side: Side = "merchant", by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The shop can't send what it approved, and says why. An order at its store is called off first.

    What the creator has bought by it isn't called off here: the shop cancels that order in its store, which ends it and
    gives the money back, or doubts that it is theirs. Support may.
    """
    now = now or clock.now()
    words = _text("reason", reason, needed=True)
    row = steps.locked(session, sample_id, shop_id=shop_id)
    if row.state == "cancelled" or row.ending == "cancelled":
        return row
    stands = moves.cancel(steps.standing(row), now)
    if row.kind == "refundable" and row.order_ref is not None and side != "staff":
        raise MoveRefused("creator_bought")
    row.words = words
    return _call_off(session, row, stands, "cancel", side=side, by=by, now=now, reason="shop_cancelled")


def by_hand(
    session: Session, sample_id: str, *, shop_id: str | None = None, side: Side = "merchant", by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The shop sends it itself: no order of ours is placed."""
    now = now or clock.now()
    row = steps.locked(session, sample_id, shop_id=shop_id)
    if row.by_hand and row.state == "approved":
        return row
    stands = moves.by_hand(steps.standing(row))
    row.by_hand = True
    _no_problem(row)
    steps.take(session, row, stands, "by_hand", side=side, by=by, now=now)
    return row


def place_again(
    session: Session, sample_id: str, *, shop_id: str | None = None, side: Side = "merchant", by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """Try the store's order once more, now: after a refusal that the shop put right, or instead of sending by hand."""
    now = now or clock.now()
    row = steps.locked(session, sample_id, shop_id=shop_id)
    if not places(session, row.shop_id):
        raise Conflict(
            f"shop {row.shop_id} places no sample orders",
            public="Orders can't be placed at this shop for now: it isn't connected, its platform can't, or the "
            "permission is missing. Send it by hand.",
        )
    stands = moves.place_again(steps.standing(row))
    row.by_hand = False
    _no_problem(row)
    steps.take(session, row, stands, "place_again", side=side, by=by, now=now)
    _place_soon(session, row, now)
    return row


def confirm(
    session: Session, sample_id: str, *, shop_id: str | None = None, side: Side = "merchant", by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The shop says that the named order is the creator's; support may, where the shop doubts it or says nothing."""
    now = now or clock.now()
    row = steps.locked(session, sample_id, shop_id=shop_id)
    if row.confirmed:
        return row
    _named(row)
    row.confirmed, row.confirm_by, row.words = True, None, ""
    steps.take(
        session, row, steps.standing(row), "confirm", side=side, by=by, now=now, order_number=row.order_number
    )  # fmt: skip
    paying.settle(session, row, now)
    return row


def doubt(
    session: Session, sample_id: str, reason: str, *, shop_id: str | None = None, side: Side = "merchant", by: str,
    now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The shop says that the named order isn't the creator's, and why: the creator reads it, and may name another one.
    Nothing comes back by it until the shop, or support, confirms it."""
    now = now or clock.now()
    words = _text("reason", reason, needed=True)
    row = steps.locked(session, sample_id, shop_id=shop_id)
    _named(row)
    if row.confirmed:
        raise MoveRefused("order_confirmed")
    if row.confirm_by is None and row.words == words:
        return row
    row.confirm_by, row.words = None, words
    steps.take(session, row, steps.standing(row), "doubt", side=side, by=by, now=now, reason="order_doubted")
    return row


def leave_to_support(session: Session, row: Sample, now: datetime) -> None:
    """The shop neither confirmed nor doubted the named order in time: support does. Silence doesn't make somebody's
    order the creator's. The caller has locked the row."""
    row.confirm_by, row.words = None, ""
    steps.take(
        session, row, steps.standing(row), "ask_support", side="clock", by="clock", now=now, reason="order_unanswered"
    )


def shipped(
    session: Session, sample_id: str, *, shop_id: str | None = None, carrier: str = "", tracking: str = "",
    order_number: str = "", side: Side = "merchant", by: str, now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The shop says that it is on its way: sent by hand, or its order left. Tracking or the number of its own order
    is needed for what is sent by hand, so that there is something to look up."""
    now = now or clock.now()
    said = {"carrier": _text("carrier", carrier), "tracking": _text("tracking", tracking)}
    number = _text("order_number", order_number)
    row = steps.locked(session, sample_id, shop_id=shop_id)
    if row.state == "shipped" and (row.carrier, row.tracking) == (said["carrier"], said["tracking"]):
        return row
    stands = moves.ship(steps.standing(row), steps.numbers_of(session, row), now)
    if row.order_ref is None and not (said["tracking"] or number):
        raise InputRefused("tracking", "is empty, and so is the order number.", "Give one of the two.")
    row.by_hand = row.by_hand or row.order_ref is None
    row.carrier, row.tracking, row.shipped_at = said["carrier"], said["tracking"], now
    row.order_number = row.order_number or number
    steps.take(session, row, stands, "ship", side=side, by=by, now=now)
    return row


def delivered(
    session: Session, sample_id: str, *, shop_id: str | None = None, at: datetime | None = None,
    side: Side = "merchant", by: str, now: datetime | None = None,
) -> Sample:  # fmt: skip
    """The shop says that it has arrived: content is due from then on."""
    row = steps.locked(session, sample_id, shop_id=shop_id)
    return _arrived(session, row, side, at, by=by, now=now or clock.now())


def each(
    session: Session, sample_ids: Sequence[str], act: Callable[[str], Sample]
) -> list[tuple[str, Sample | None, str, str]]:
    """One act on many, at most MOST_AT_ONCE: (sample id, the sample or None, code, words) of each, in their order.

    One that is refused stops no other; each is audited by itself. Errors: InputRefused for too many, or one twice.
    """
    if not 1 <= len(sample_ids) <= MOST_AT_ONCE:
        raise InputRefused("sample_ids", f"are {len(sample_ids)}.", f"Send 1 to {MOST_AT_ONCE}.")
    if len(set(sample_ids)) != len(sample_ids):
        raise InputRefused("sample_ids", "name one twice.", "Name each once.")
    done: dict[str, tuple[str, Sample | None, str, str]] = {}
    for sample_id in sorted(sample_ids):  # in one order, so that two of them at once don't wait for each other
        try:
            with session.begin_nested():
                done[sample_id] = (sample_id, act(sample_id), "", "")
        except (Conflict, NotFound, InputRefused) as refused:
            code = refused.code or ("not_found" if isinstance(refused, NotFound) else "input_refused")
            done[sample_id] = (sample_id, None, code, refused.public)
    return [done[sample_id] for sample_id in sample_ids]


def of_shop(session: Session, act: str, shop_id: str, reason: str, *, by: str) -> Callable[[str], Sample]:
    """An act of a shop by its name, for `each`: approve, decline, cancel, by_hand, place_again, delivered."""
    named: dict[str, Callable[[str], Sample]] = {
        "approve": lambda one: approve(session, one, shop_id=shop_id, by=by),
        "decline": lambda one: decline(session, one, reason, shop_id=shop_id, by=by),
        "cancel": lambda one: cancel(session, one, reason, shop_id=shop_id, by=by),
        "by_hand": lambda one: by_hand(session, one, shop_id=shop_id, by=by),
        "place_again": lambda one: place_again(session, one, shop_id=shop_id, by=by),
        "delivered": lambda one: delivered(session, one, shop_id=shop_id, by=by),
    }
    return named[act]


# ------------------------------------------------------------------ support


def decide_appeal(
    session: Session, sample_id: str, verdict: Verdict, note: str, *, by: str, now: datetime | None = None
) -> Sample:
    """fulfilled: its content counts after all; excused: it counts for nothing; missed: it stays so, for good.

    `note` is read by the creator. The same verdict once more changes nothing.
    """
    now = now or clock.now()
    if verdict not in ("fulfilled", "excused", "missed"):
        raise InputRefused("verdict", f"{str(verdict)[:40]!r} is none.", "Use fulfilled, excused or missed.")
    words = _text("words", note, needed=True, called="note")
    row = steps.locked(session, sample_id)
    held = session.get(SampleAppeal, row.id)
    if held is not None and held.verdict == verdict and row.state != "appealed":
        return row
    stands = moves.decide(steps.standing(row), verdict)
    if held is not None:
        held.verdict, held.decided_at, held.decided_by, held.note = verdict, now, by, words
    steps.take(session, row, stands, "decide", side="staff", by=by, now=now, reason=f"appeal_{verdict}")
    paying.settle(session, row, now)
    return row


# ------------------------------------------------------------------ what others do with them


def address_for_shop(row: Sample) -> Recipient | None:
    """Where the shop sends it: only while it is to be sent by hand, or couldn't be placed. None: it needs none."""
    if row.kind != "free" or row.state != "approved" or row.recipient_sealed is None:
        return None
    return recipients.opened(row.recipient_sealed) if row.placing in ("", "refused") else None


def end_unsent(session: Session, row: Sample, *, reason: str, now: datetime) -> None:
    """Cancel what isn't sent, by nobody's wish here: the creator is erased. The caller has locked the row."""
    stands = moves.cancel(steps.standing(row), now)
    _call_off(session, row, stands, "cancel", side="clock", by="system", now=now, reason=reason)


# ------------------------------------------------------------------ what the acts share


def fulfil(session: Session, row: Sample, now: datetime) -> bool:
    """Fulfil it where content counts by now; whether it did. The caller has locked the row."""
    found = paying.counted(session, row, now)
    if found is None or found.at is None or found.at > now:
        return False
    stands = moves.fulfil(steps.standing(row))
    row.content_id = found.content_id
    steps.take(session, row, stands, "fulfil", side="clock", by="clock", now=now, content_id=found.content_id)
    paying.settle(session, row, now)
    return True


def _approve(
    session: Session, row: Sample, offer: SampleOffer | None, *, side: Side, by: str, now: datetime,
    most: int | None = None,
) -> None:  # fmt: skip
    stands = moves.approve(
        steps.standing(row), now, steps.numbers_of(session, row), placed_by_us=places(session, row.shop_id)
    )
    _living_creator(session, row)
    if offer is not None:
        offers.lock(session, offer)
        if offers.left_this_month(session, offer, now) == 0:
            raise AskRefused("none_left_this_month")
    listing = session.scalar(
        sa.select(Listing.id).where(Listing.shop_id == row.shop_id, Listing.product_ref == row.product_ref)
    )
    asking.wanted(session, listing or "", row.variant_ref)
    row.approved_at = now
    if most is not None:
        row.agreed_amount = most
    steps.take(session, row, stands, "approve", side=side, by=by, now=now)
    _place_soon(session, row, now)


def _call_off(
    session: Session, row: Sample, stands: Standing, act: str, *, side: Side, by: str, now: datetime, reason: str = ""
) -> Sample:
    """End it, or begin to: what is or may be at the store is called off there by the job."""
    waits = bool(stands.ending)
    steps.take(session, row, stands, "call_off" if waits else act, side=side, by=by, now=now, reason=reason)
    if waits:
        # An answer that was lost may take a while to be found at the store: its time stands.
        row.place_at = max(row.place_at or clock.wall(), clock.wall())
        _start(session, row)
    return row


def _arrived(session: Session, row: Sample, side: Side, at: datetime | None, *, by: str, now: datetime) -> Sample:
    if row.state == "delivered" and row.delivered_how != "assumed":
        return row
    moment = at or now
    if moment > now + _AHEAD:
        raise InputRefused("at", "is in the future.", "Send it when it has arrived.")
    moment = min(moment, now)
    if row.approved_at is not None and moment < row.approved_at:
        raise InputRefused("at", "is before it was approved.", "Send the moment at which it arrived.")
    numbers = steps.numbers_of(session, row)
    stands = steps.standing(row)
    stands = (
        moves.corrected(stands, numbers, moment) if row.state == "delivered" else moves.deliver(stands, numbers, moment)
    )
    mark_delivered(session, row, stands, side, moment, by=by, now=now)
    return row


def mark_delivered(
    session: Session, row: Sample, stands: Standing, how: Side, moment: datetime, *, by: str, now: datetime
) -> None:
    """Write down that it arrived at `moment`, as the creator, the shop, its store or the clock says; the address goes
    some days later."""
    row.delivered_at = moment
    row.delivered_how = "assumed" if how == "clock" else how
    if row.recipient_sealed is not None:
        row.forget_at = moment + timedelta(days=steps.numbers_of(session, row).address_days)
    steps.take(session, row, stands, "deliver", side=how, by=by, now=now, delivered_at=moment.isoformat())
    fulfil(session, row, now)


def new(
    shop_id: str, creator_id: str, kind: str, version: int, *, now: datetime,
    request_key: str | None = None,
) -> Sample:  # fmt: skip
    """A sample with nothing in it yet; the caller adds it and takes its first step."""
    return Sample(
        id=new_id("smp"), shop_id=shop_id, creator_id=creator_id, kind=kind, state="requested", due_at=None,
        placing="", ending="", extended=False, appealed=False, agreement_id=None, offer_id=None,
        policy_version=version, product_ref="", variant_ref="", note="", recipient_sealed=None, recipient_country="",
        forget_at=None, standing={}, agreed_amount=None, currency="", paid_back=None, by_hand=False, place_tries=0,
        place_at=None, problem="", problem_field="", problem_words="", order_ref=None, order_number="",
        confirmed=False, confirm_by=None, carrier="", tracking="", asked_at=now, approved_at=None, shipped_at=None,
        delivered_at=None, delivered_how="", ended_at=None, reason="", words="", content_id=None, look_at=None,
        moved_at=now, request_key=request_key,
    )  # fmt: skip


def _repeated(
    session: Session, creator_id: str, request_key: str | None, listing_id: str, kind: str
) -> Sample | None:  # fmt: skip
    """What the same request made before. Errors: Conflict when its key was used for another one."""
    if request_key is None:
        return None
    row = session.scalar(sa.select(Sample).where(Sample.creator_id == creator_id, Sample.request_key == request_key))
    if row is not None and (ids.listing_id(row.shop_id, row.product_ref), row.kind) != (listing_id, kind):
        raise Conflict(
            f"the key of sample {row.id} was used again", public="This Idempotency-Key was used for another request."
        )
    return row


def _living_creator(session: Session, row: Sample) -> None:
    creators.living(session, row.creator_id)
    if creators.status_at(session, row.creator_id, clock.now()) != creators.ACTIVE:
        raise AskRefused("creator_not_eligible")


def places(session: Session, shop_id: str) -> bool:
    """Can we place a sample order at this shop's store now?"""
    shop = session.get_one(Shop, shop_id)
    platform = roster.platform(shop.platform)
    if shop.status != "connected" or not platform.can("sample_orders") or platform.samples is None:
        return False
    grant = session.get(GrantRow, shop_id)
    return grant is not None and platform.samples.may_place(grant.scopes.split())


def _place_soon(session: Session, row: Sample, now: datetime) -> None:
    if row.placing == "waiting":
        row.place_at = clock.wall()
        _start(session, row)


def _start(session: Session, row: Sample) -> None:
    """The job, now; a worker's round starts what is left, when its time has come."""
    session.flush()
    key = f"{row.id}:{row.place_tries}:{row.ending or row.placing}"
    jobs.enqueue(session, PLACE, key, shop_id=row.shop_id, sample_id=row.id)


def _named(row: Sample) -> None:
    if row.kind != "refundable":
        raise MoveRefused("not_refundable")
    if row.order_ref is None:
        raise MoveRefused("order_not_named")


def _no_problem(row: Sample) -> None:
    row.problem, row.problem_field, row.problem_words = "", "", ""


def _order(session: Session, shop_id: str, named: str) -> Order:
    said = named.strip()[:80]
    if not said:
        raise InputRefused("order", "is empty.", "Give the order's number, like #1042.")
    numbers = {said, f"#{said}", said.removeprefix("#")}
    rows = session.scalars(
        sa.select(Order)
        .where(Order.shop_id == shop_id, sa.or_(Order.number.in_(numbers), Order.order_ref == said))
        .order_by(Order.placed_at.desc())
        .limit(2)
    ).all()
    if not rows:
        raise AskRefused("order_unknown")
    return rows[0]


def _agreed(session: Session, row: Sample, wanted: Wanted, now: datetime) -> None:
    """Does the agreement stand, and is it about this product? Its newest version says so for all. Errors: AskRefused;
    MoveRefused."""
    made = session.get_one(Agreement, row.agreement_id)
    newest = agreements.newest(session, made.negotiation_id) or made
    if not approvals.agreement_stands(session, newest, now):
        raise MoveRefused("take_up_late")
    refs = session.get_one(Offer, newest.offer_id).product_refs
    if wanted.shop.id != row.shop_id or (refs and wanted.listing.product_ref not in refs):
        raise AskRefused("product_not_agreed")


def _fits(session: Session, row: Sample, listing_id: str, variant_ref: str, address: Any) -> bool:
    """Is it what was taken up before? For a request that comes twice."""
    listing = session.get(Listing, listing_id)
    same = listing is not None and (listing.shop_id, listing.product_ref) == (row.shop_id, row.product_ref)
    return same and variant_ref in ("", row.variant_ref) and recipients.fits(row.recipient_sealed, address)


def _text(field: str, typed: str, *, needed: bool = False, called: str = "") -> str:
    text = typed.strip()
    longest = _LONGEST[field]
    if (needed and not text) or len(text) > longest:
        raise InputRefused(called or field, f"is empty or longer than {longest} characters."
                           if needed else f"is longer than {longest} characters.")  # fmt: skip
    return text
