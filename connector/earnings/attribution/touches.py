"""A tap or a click is recorded: who showed what, when, under which window and terms, and what speaks against it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops import settings
from connector.db import new_id
from connector.earnings.attribution import tokens
from connector.earnings.attribution.tables import Link, Touch
from connector.errors import Conflict, InputRefused
from connector.programme import collaborations
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import rate_at
from connector.programme.creators import followers as counted
from connector.programme.creators import queries as creators

# How far back the app may report a tap (F3).
LATEST_REPORT = timedelta(hours=24)
# `ad`: through a seller's ad; `cart`: put into the cart, which proves that and is no tap (D12).
KINDS = ("link", "video", "post", "live", "ad", "cart")
_DEVICE_KEPT = timedelta(days=30)
_MINUTE = timedelta(minutes=1)


class Tapped(msgspec.Struct, frozen=True):
    """What was tapped: a product of a shop, shown by a creator, perhaps in a video or a live session."""

    shop_id: str
    creator_id: str
    listing_id: str
    product_ref: str
    variant_ref: str | None = None
    content_id: str | None = None
    link_id: str | None = None


def on_link(link: Link) -> Tapped:
    return Tapped(
        shop_id=link.shop_id,
        creator_id=link.creator_id,
        listing_id=link.listing_id,
        product_ref=link.product_ref,
        variant_ref=link.variant_ref,
        content_id=link.content_id,
        link_id=link.id,
    )


def on_listing(
    listing: Listing, creator_id: str, *, variant_ref: str | None = None, content_id: str | None = None
) -> Tapped:
    return Tapped(
        shop_id=listing.shop_id,
        creator_id=creator_id,
        listing_id=listing.id,
        product_ref=listing.product_ref,
        variant_ref=variant_ref,
        content_id=content_id,
    )


def record(
    session: Session,
    tapped: Tapped,
    *,
    kind: str,
    journey: str | None = None,
    device: str | None = None,
    request_key: str | None = None,
    per_minute: int = 60,
    at_checkout: bool = False,
    way: str = "permalink",
    at: datetime | None = None,
    now: datetime | None = None,
) -> Touch:
    """Write one touch and make its token. `at` is the tap's time (default: now), `now` when we heard of it.

    `at_checkout`: it came from the store's own pages, when the buyer had decided: it counts only where no earlier touch
    stands (COMPLAINTS 47). `way` is by which way it goes to the store: a `contract.Way`.
    More than `per_minute` of one journey (or, without one, of one device) are kept with the flag `over_rate` and never
    credited. Errors: InputRefused for a tap more than 24 hours back or in the future, or a kind that isn't one;
    NotFound (creator).
    """
    now = now or clock.now()
    at = at or now
    if kind not in KINDS:
        raise InputRefused("kind", f"{kind[:40]!r} is no kind of touch.", f"Use {', '.join(KINDS)}.")
    if at > now:
        raise InputRefused("at", "is in the future.", "Send the tap's time, or leave it out for a tap of this moment.")
    if at < now - LATEST_REPORT:
        raise InputRefused("at", "is more than 24 hours back.", "Report taps within a day.")
    followers = counted.count_at(session, tapped.creator_id, at)
    status = creators.status_at(session, tapped.creator_id, at)
    least = settings.whole(session, tapped.shop_id, "minimum_followers", at)
    held = rates.offers(session, tapped.shop_id, [tapped.product_ref], [tapped.creator_id])
    terms = rate_at(
        held, creator_id=tapped.creator_id, product_ref=tapped.product_ref, moment=at, through_ad=kind == "ad"
    )
    flags = [] if status == creators.ACTIVE else [f"creator_{status}"]
    if recent(session, journey, device, now) >= per_minute:
        flags.append("over_rate")
    if at_checkout:
        flags.append("at_checkout")
    window = window_of(session, tapped.shop_id, kind, at)
    touch = Touch(
        id=new_id("tch"),
        token=tokens.make(),
        **msgspec.structs.asdict(tapped),
        kind=kind,
        journey=journey,
        at=at,
        received_at=now,
        window_seconds=int(window.total_seconds()),
        followers=followers,
        followers_needed=least,
        eligible=followers >= least,
        ineligible_reason="" if followers >= least else counted.BELOW,
        terms_id=None if terms is None else terms.terms_id,
        flags=flags,
        request_key=request_key,
        device_hash=device,
        device_until=None if device is None else now + _DEVICE_KEPT,
        way=way,
    )
    session.add(touch)
    session.flush()
    if tapped.content_id is not None:  # the product is in the creator's content: that promotes it
        collaborations.promote(session, tapped.creator_id, tapped.shop_id, tapped.product_ref, at)
    return touch


def window_of(session: Session, shop_id: str, kind: str, at: datetime) -> timedelta:
    """How long a touch of that kind counts, as set at the touch."""
    if kind == "live":
        minutes = settings.whole(session, shop_id, "live_window_minutes", at)
        if minutes:
            return timedelta(minutes=minutes)
    name = {"live": "live_window_days", "ad": "ad_window_days"}.get(kind, "touch_window_days")
    return timedelta(days=settings.whole(session, shop_id, name, at))


def went(session: Session, touch_id: str, way: str) -> None:
    """Write down by which way a touch really went to the store, once that is known."""
    session.execute(sa.update(Touch).where(Touch.id == touch_id).values(way=way))


def recent(session: Session, journey: str | None, device: str | None, now: datetime) -> int:
    """Touches of this buyer in the minute before `now`.

    A journey that came back is one device for certain; an address may be a whole village behind one gateway. So the
    address counts only where there is no journey, or where each click brings a new one.
    """
    for column, value in ((Touch.journey, journey), (Touch.device_hash, device)):
        if value is None:
            continue
        count = session.scalar(
            sa.select(sa.func.count()).where(
                column == value, Touch.received_at > now - _MINUTE, Touch.received_at <= now
            )
        )
        if count:
            return count
    return 0


def request_key(app_token_id: str, idempotency_key: str) -> str:
    """What a repeat of one request is known by. Errors: InputRefused for a key that is empty or overlong."""
    if not 1 <= len(idempotency_key) <= 200:
        raise InputRefused("Idempotency-Key", "is empty or longer than 200 characters.")
    return hashlib.sha256(f"{app_token_id}\n{idempotency_key}".encode()).hexdigest()


def repeated(session: Session, key: str, tapped: Tapped, kind: str, journey: str | None) -> Touch | None:
    """The touch that this request made before. Errors: Conflict when the key was used for another tap."""
    touch = session.scalar(sa.select(Touch).where(Touch.request_key == key))
    if touch is None:
        return None
    before = {name: getattr(touch, name) for name in (*Tapped.__struct_fields__, "kind", "journey")}
    if before != {**msgspec.structs.asdict(tapped), "kind": kind, "journey": journey}:
        raise Conflict(
            f"the key of touch {touch.id} came with another tap",
            public="This Idempotency-Key was used for another tap. Send a new key for a new tap.",
        )
    return touch


def forget_devices(session: Session, now: datetime | None = None) -> int:
    """Drop device hashes whose time is over; how many. Decisions don't read them (F9)."""
    done = session.execute(
        sa.update(Touch).where(Touch.device_until <= (now or clock.now())).values(device_hash=None, device_until=None)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]
