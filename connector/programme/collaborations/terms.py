"""Terms are opened, agreed, changed and withdrawn. A change is a new version; a version is never edited or backdated.

Each act comes twice: as itself, and as a `draft` of the version that it would make, which is held to the same rules and
kept nowhere, so that its effect can be looked at first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import (
    ANY_CODE,
    PROTECTION,
    Offers,
    Version,
    in_effect,
    plan_at,
    rate_at,
    standing,
)
from connector.programme.collaborations.tables import Terms
from connector.programme.creators import queries as creators

LEAST_BP, MOST_BP = 100, 8000
# Those who keep a rate that was cut are told this long before the lower one reaches them.
NOTICE = timedelta(days=2)
# A start that a caller wrote down a moment before we look at our clock: taken as now.
_JUST_NOW = timedelta(seconds=60)
_LONGEST_REF, _MOST_CODES, _LONGEST_CODE = 200, 50, 64
WORDS = {"open": "open terms", "targeted": "targeted terms", "event": "event", "store": "shop terms"}


class Conditions(msgspec.Struct, frozen=True):
    """What a version offers, in basis points; None: nothing of that sort. `rate_bp` None: it is a withdrawal."""

    rate_bp: int | None
    ads_bp: int | None = None
    new_buyer_bp: int | None = None
    code_rates: Mapping[str, int] = {}  # code, or "*" for any, → rate


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A version that somebody asks for."""

    shop_id: str
    kind: str  # open | targeted | event | store
    conditions: Conditions
    product_ref: str = ""
    creator_id: str | None = None
    starts_at: datetime | None = None  # None: now
    ends_at: datetime | None = None
    replaces: str | None = None  # of targeted terms and events: the version whose place it takes
    accepted_by: str = ""  # targeted: who agreed
    event_id: str | None = None
    name: str = ""
    tiers: Sequence[tuple[int, int]] = ()


def open_terms(
    session: Session, shop_id: str, rate_bp: int, *, product_ref: str = "", starts_at: datetime | None = None,
    ads_bp: int | None = None, new_buyer_bp: int | None = None, code_rates: Mapping[str, int] | None = None, by: str,
    now: datetime | None = None,
) -> Terms:  # fmt: skip
    """Offer `rate_bp` to every creator, for one product or (`product_ref` "") the whole shop, from `starts_at` on.

    What stands already, asked for again, makes no new version: the standing one is given back.
    Errors: NotFound (shop); InputRefused for a rate outside 100-8000 bp or a start that has passed; Conflict when a
    version with a later or equal start was recorded before: it would be overruled without a word.
    """
    conditions = Conditions(rate_bp, ads_bp, new_buyer_bp, code_rates or {})
    wanted = Wanted(
        shop_id=shop_id, kind="open", conditions=conditions, product_ref=product_ref, starts_at=starts_at
    )  # fmt: skip
    return record(session, wanted, by=by, now=now)


def open_many(
    session: Session, shop_id: str, rate_bp: int, product_refs: Sequence[str], *, by: str, now: datetime
) -> dict[str, Terms]:
    """`open_terms` of each of these products from `now` on: product → version. A few statements, however many.

    Errors: as `open_terms`; then none of them has a version.
    """
    lock(session, shop_id)
    checked_bp("rate_bp", rate_bp)
    chains: dict[str, list[Terms]] = {ref: [] for ref in product_refs}
    asked = sa.select(Terms).where(
        Terms.shop_id == shop_id, Terms.kind == "open", Terms.product_ref.in_(list(product_refs))
    )
    for row in session.scalars(asked.order_by(Terms.version)):
        chains[row.product_ref].append(row)
    offered: dict[str, list[Version]] = {ref: [] for ref in ("", *product_refs)}
    for version in rates.open_versions(session, shop_id, product_refs):
        offered[version.product_ref].append(version)
    made: dict[str, Terms] = {}
    for ref, chain in chains.items():
        wanted = Wanted(shop_id=shop_id, kind="open", conditions=Conditions(rate_bp), product_ref=ref)
        counting = in_effect(chain)
        last = counting[-1] if counting else None
        if last is not None and _says_the_same(last, wanted, now):
            made[ref] = last
            continue
        if last is not None and _overrules(last, now, now):
            raise Conflict(f"terms {last.id} start at {last.starts_at.isoformat()}")
        notice = _notice(session, wanted, counting, now, [*offered[""], *offered[ref]])
        number = 1 + max((row.version for row in chain), default=0)
        made[ref] = _row(wanted, version=number, starts_at=now, notice_at=notice, by=by, now=now)
        _put(session, made[ref], "terms.open")
    session.flush()
    return made


def store_terms(
    session: Session, shop_id: str, rate_bp: int, *, starts_at: datetime | None = None, ads_bp: int | None = None,
    new_buyer_bp: int | None = None, code_rates: Mapping[str, int] | None = None, by: str, now: datetime | None = None,
) -> Terms:  # fmt: skip
    """What a creator earns in this shop where no other terms stand. Errors: as `open_terms`."""
    conditions = Conditions(rate_bp, ads_bp, new_buyer_bp, code_rates or {})
    return record(
        session, Wanted(shop_id=shop_id, kind="store", conditions=conditions, starts_at=starts_at), by=by, now=now
    )


def target(
    session: Session, shop_id: str, creator_id: str, rate_bp: int, *, ends_at: datetime, product_ref: str = "",
    starts_at: datetime | None = None, accepted_by: str = "", replaces: str | None = None, ads_bp: int | None = None,
    new_buyer_bp: int | None = None, code_rates: Mapping[str, int] | None = None, by: str, now: datetime | None = None,
) -> Terms:  # fmt: skip
    """Terms of one creator until `ends_at`; afterwards the open ones count again.

    They win even where they are lower (E20), so lower ones need `accepted_by`: who says that the creator agreed.
    Errors: as `open_terms`; NotFound (creator); InputRefused for an end that isn't after the start, or a lower rate
    that nobody accepted; Conflict when terms of this creator and scope stand in that time and aren't in `replaces`.
    """
    wanted = Wanted(
        shop_id=shop_id, kind="targeted", conditions=Conditions(rate_bp, ads_bp, new_buyer_bp, code_rates or {}),
        product_ref=product_ref, creator_id=creator_id, starts_at=starts_at, ends_at=ends_at, replaces=replaces,
        accepted_by=accepted_by,
    )  # fmt: skip
    return record(session, wanted, by=by, now=now)


def withdraw(
    session: Session, shop_id: str, *, product_ref: str = "", kind: str = "open", creator_id: str | None = None,
    starts_at: datetime | None = None, by: str, now: datetime | None = None,
) -> Terms:  # fmt: skip
    """Offer nothing for that scope from `starts_at` on. Clicks made before keep their rate (D18).

    Errors: as `open_terms`; NotFound also when nothing is offered for the scope; Conflict for an event: it ends at its
    end, and one that has not begun is called off.
    """
    wanted = Wanted(
        shop_id=shop_id, kind=kind, conditions=Conditions(None), product_ref=product_ref, creator_id=creator_id,
        starts_at=starts_at,
    )  # fmt: skip
    return record(session, wanted, by=by, now=now)


def call_off(
    session: Session, terms_id: str, *, by: str, shop_id: str | None = None, now: datetime | None = None
) -> Terms:
    """Undo a version that has not begun, an event with all of its own: what stands goes on. It is the row that says so.

    Errors: NotFound, another shop's included; Conflict for one that has begun, or was called off already.
    """
    now = now or clock.now()
    row = session.get(Terms, terms_id)
    if row is None or (shop_id is not None and row.shop_id != shop_id):
        raise NotFound(f"no terms have the id {terms_id[:40]!r}")
    lock(session, row.shop_id)
    if row.starts_at <= now:
        raise Conflict(f"terms {row.id} have begun", public="They have begun. Change or withdraw them instead.")
    chain = chain_of(session, row.shop_id, row.kind, row.creator_id, row.product_ref)
    gone = [each for each in in_effect(chain) if each.id == row.id or (row.event_id and each.event_id == row.event_id)]
    if not gone:
        raise Conflict(f"terms {row.id} don't count any more", public="They were called off already.")
    number = max(each.version for each in chain)
    for each in gone:  # an event goes with all its versions
        number += 1
        marks = Wanted(
            shop_id=each.shop_id, kind=each.kind, conditions=Conditions(None), product_ref=each.product_ref,
            creator_id=each.creator_id, event_id=each.event_id, name=each.name,
        )  # fmt: skip
        made = _row(marks, version=number, starts_at=each.starts_at, notice_at=None, by=by, now=now)
        made.calls_off = each.id
        _keep(session, made, "terms.called_off")
    return made


def record(session: Session, wanted: Wanted, *, by: str, now: datetime | None = None) -> Terms:
    """Make the version, or give back the standing one where it says the same. Errors: as `draft`."""
    lock(session, wanted.shop_id)
    made = draft(session, wanted, by=by, now=now)
    if made in session:
        return made
    act = "terms.withdraw" if made.rate_bp is None else f"terms.{made.kind}"
    return _keep(session, made, act)


def draft(session: Session, wanted: Wanted, *, by: str, now: datetime | None = None) -> Terms:
    """The version that would be made, not kept anywhere; or the standing one, where it says the same.

    Errors: InputRefused (field and remedy), NotFound (shop, creator, nothing to withdraw), Conflict (overlap).
    """
    now = now or clock.now()
    _check(session, wanted)
    starts = _start(wanted.starts_at, now)
    if wanted.ends_at is not None and wanted.ends_at <= starts:
        raise InputRefused("ends_at", "isn't after the start.", f"Give a time after {clock.said(starts)}.")
    chain = chain_of(session, wanted.shop_id, wanted.kind, wanted.creator_id, wanted.product_ref)
    counting = in_effect(chain)
    last = counting[-1] if counting else None
    over = last is not None and last.ends_at is not None and last.ends_at <= starts
    if wanted.conditions.rate_bp is None and (last is None or over):
        raise NotFound("nothing is offered for that scope")
    if last is not None and _says_the_same(last, wanted, starts):
        return last
    if wanted.kind in ("targeted", "event") and wanted.conditions.rate_bp is not None:
        _refuse_overlap(counting, wanted, starts)
    elif wanted.kind != "targeted" and last is not None and _overrules(last, starts, now):
        raise Conflict(
            f"terms {last.id} start at {last.starts_at.isoformat()}",
            public=f"Version {last.version} starts at {clock.said(last.starts_at)}: give a later start"
            f"{', or call it off first' if last.starts_at > now else ''}.",
        )
    if wanted.kind == "targeted" and wanted.conditions.rate_bp is not None:
        _refuse_unaccepted(session, wanted, starts)
    return _row(
        wanted, version=1 + max((row.version for row in chain), default=0), starts_at=starts,
        notice_at=_notice(session, wanted, counting, starts), by=by, now=now,
    )  # fmt: skip


def chain_of(session: Session, shop_id: str, kind: str, creator_id: str | None, product_ref: str) -> list[Terms]:
    """Every version of one scope, in order."""
    whose = Terms.creator_id.is_(None) if creator_id is None else Terms.creator_id == creator_id
    asked = sa.select(Terms).where(
        Terms.shop_id == shop_id, Terms.kind == kind, whose, Terms.product_ref == product_ref
    )
    return list(session.scalars(asked.order_by(Terms.version)))


def conditions_of(row: Terms) -> Conditions:
    return Conditions(row.rate_bp, row.ads_bp, row.new_buyer_bp, dict(row.code_rates))


def per_cent(basis_points: int) -> str:
    """`12.5 %`, for whoever is refused."""
    return f"{Decimal(basis_points).scaleb(-2).normalize():f} %"


def checked_bp(field: str, value: int | None) -> None:
    """Errors: InputRefused for a rate that is no whole number of basis points from 100 to 8000."""
    if isinstance(value, bool) or not isinstance(value, int) or not LEAST_BP <= value <= MOST_BP:
        remedy = f"Give a rate from 1 % to 80 %; as basis points that is {LEAST_BP} to {MOST_BP}."
        raise InputRefused(field, "is outside 1 % to 80 %.", remedy)


def _check(session: Session, wanted: Wanted) -> None:
    given = wanted.conditions
    if given.rate_bp is not None:
        checked_bp("rate_bp", given.rate_bp)
    elif wanted.kind == "event":
        raise Conflict("an event is not withdrawn", public="An event ends at its end. Call it off before it begins.")
    for field, value in (("ads_bp", given.ads_bp), ("new_buyer_bp", given.new_buyer_bp)):
        if value is not None:
            checked_bp(field, value)
    if len(given.code_rates) > _MOST_CODES:
        raise InputRefused("code_rates", f"names more than {_MOST_CODES} codes.", "Give the others the rate of `*`.")
    for code, value in given.code_rates.items():
        if not code.strip() or len(code) > _LONGEST_CODE:
            raise InputRefused("code_rates", f"{code[:40]!r} is no code.", "Send the code as buyers type it, or `*`.")
        checked_bp("code_rates", value)
    if len(wanted.product_ref) > _LONGEST_REF:
        raise InputRefused("product_ref", f"is longer than {_LONGEST_REF} characters.")
    if wanted.kind == "store" and wanted.product_ref:
        raise InputRefused("product_ref", "shop terms are of the whole shop.", "Open terms can be a product's.")
    if session.get(Shop, wanted.shop_id) is None:
        raise NotFound(f"no shop has the id {wanted.shop_id[:40]!r}")
    if wanted.kind == "targeted":
        creators.get(session, wanted.creator_id or "")


def _start(asked: datetime | None, now: datetime) -> datetime:
    starts = now if asked is None or now - _JUST_NOW <= asked < now else asked
    if starts < now:
        raise InputRefused("starts_at", "has passed.", "Terms are never backdated: give a time from now on.")
    return starts


def _overrules(last: Terms, starts: datetime, now: datetime) -> bool:
    """Would a recorded version be overruled without a word? At its own start, while it hasn't begun, it is replaced."""
    return last.starts_at > starts or last.starts_at == starts <= now


def _says_the_same(last: Terms, wanted: Wanted, starts: datetime) -> bool:
    if wanted.kind in ("targeted", "event") and wanted.conditions.rate_bp is not None:
        if (last.ends_at, last.name) != (wanted.ends_at, wanted.name):
            return False
        if [list(tier) for tier in wanted.tiers] != list(last.tiers):
            return False
    elif last.ends_at is not None:
        return False
    return last.starts_at <= starts and conditions_of(last) == _tidy(wanted.conditions)


def _refuse_overlap(chain: Sequence[Terms], wanted: Wanted, starts: datetime) -> None:
    """One creator, or one event, has one rate a scope at a time: a second one must say whose place it takes."""
    if wanted.ends_at is None:
        raise InputRefused("ends_at", "is missing.", "Say until when these terms count.")
    for row, until in spans(chain):
        if starts >= until or row.starts_at >= wanted.ends_at:
            continue
        if row.id == wanted.replaces and row.starts_at <= starts:
            continue
        what = "an event" if wanted.kind == "event" else "targeted terms"
        raise Conflict(
            f"{row.id} stands for this scope from {clock.said(row.starts_at)} to {clock.said(until)}: choose another "
            "time, or say that it is replaced",
            public=f"There are {what} for this scope from {clock.said(row.starts_at)} to {clock.said(until)} "
            f"({row.id}). Choose another time, or change those.",
        )


def spans(chain: Sequence[Terms]) -> list[tuple[Terms, datetime]]:
    """(version, until when it stands) of each version that stands or will, of a chain whose versions all have ends.

    `chain`: as `offer.in_effect`.
    """
    found = []
    for row, following in zip(chain, (*chain[1:], None), strict=False):
        if row.rate_bp is None or row.ends_at is None:
            continue
        until = row.ends_at if following is None else min(row.ends_at, following.starts_at)
        if until > row.starts_at:
            found.append((row, until))
    return found


def _refuse_unaccepted(session: Session, wanted: Wanted, starts: datetime) -> None:
    """A target wins even where it is lower, so nobody gets a lower one without having agreed to it."""
    if wanted.accepted_by.strip() or wanted.creator_id is None:
        return
    offers = rates.offers(session, wanted.shop_id, [wanted.product_ref], [wanted.creator_id])
    without = rate_at(offers, creator_id=wanted.creator_id, product_ref=wanted.product_ref, moment=starts)
    if without is not None and wanted.conditions.rate_bp is not None and wanted.conditions.rate_bp < without.rate_bp:
        raise InputRefused(
            "accepted_by",
            f"is missing: without these terms the creator earns {per_cent(without.rate_bp)}.",
            "Targeted terms count even where they are lower. Say who agreed to them, or offer more.",
        )


def _notice(
    session: Session, wanted: Wanted, chain: Sequence[Terms], starts: datetime, offered: Sequence[Version] | None = None
) -> datetime | None:
    """When those who keep the old rate are told: two days before the lower one reaches them.

    A cut of the ads rate alone needs no notice, and nobody keeps what ended or was withdrawn. `offered`: what
    `rates.open_versions` says of the scope, where the caller has it.
    """
    rate = wanted.conditions.rate_bp
    if rate is None or wanted.kind == "event":
        return None
    if wanted.kind == "open":
        all_of_them = offered
        if all_of_them is None:
            all_of_them = rates.open_versions(session, wanted.shop_id, [wanted.product_ref])
        stood = plan_at(
            Offers(v for v in all_of_them if v.kind == "open" and v.starts_at < starts),
            creator_id=None, product_ref=wanted.product_ref, moment=starts,
        )  # fmt: skip
        before = None if stood is None else Conditions(stood.rate_bp, None, stood.new_buyer_bp, stood.code_rates)
    else:
        row = standing(chain, starts, just_before=True)
        before = None if row is None or row.ends_at == starts else conditions_of(row)
    return starts + PROTECTION - NOTICE if before is not None and _cuts(before, wanted.conditions) else None


def _cuts(before: Conditions, after: Conditions) -> bool:
    """Does anybody earn less by it, through a tap that is no ad?"""
    if before.rate_bp is None or after.rate_bp is None:
        return False
    if after.rate_bp < before.rate_bp:
        return True
    if (after.new_buyer_bp or after.rate_bp) < (before.new_buyer_bp or before.rate_bp):
        return True
    codes, old, new = {*before.code_rates, *after.code_rates}, before.code_rates, _tidy(after).code_rates
    return any(
        new.get(code, new.get(ANY_CODE, after.rate_bp)) < old.get(code, old.get(ANY_CODE, before.rate_bp))
        for code in codes
    )


def _row(
    wanted: Wanted, *, version: int, starts_at: datetime, notice_at: datetime | None, by: str, now: datetime
) -> Terms:
    given = _tidy(wanted.conditions)
    accepted = wanted.accepted_by.strip()[:200]
    return Terms(
        id=new_id("trm"), shop_id=wanted.shop_id, kind=wanted.kind, creator_id=wanted.creator_id,
        product_ref=wanted.product_ref, rate_bp=given.rate_bp, ads_bp=given.ads_bp, new_buyer_bp=given.new_buyer_bp,
        code_rates=dict(given.code_rates), version=version, starts_at=starts_at,
        ends_at=None if given.rate_bp is None else wanted.ends_at, notice_at=notice_at, event_id=wanted.event_id,
        name=wanted.name, tiers=[list(tier) for tier in wanted.tiers], accepted_at=now if accepted else None,
        accepted_by=accepted, recorded_at=now, recorded_by=by,
    )  # fmt: skip


def _tidy(given: Conditions) -> Conditions:
    """Codes in capitals, and nothing beside a withdrawal."""
    if given.rate_bp is None:
        return Conditions(None)
    return msgspec.structs.replace(
        given, code_rates={code.strip().upper(): bp for code, bp in given.code_rates.items()}
    )


def lock(session: Session, shop_id: str) -> None:
    """The shop's row keeps two versions from getting one number (SQLite has one writer anyway). Errors: NotFound."""
    if session.scalar(sa.select(Shop.id).where(Shop.id == shop_id).with_for_update()) is None:
        raise NotFound(f"no shop has the id {shop_id[:40]!r}")


def _keep(session: Session, row: Terms, act: str) -> Terms:
    _put(session, row, act)
    session.flush()
    return row


def _put(session: Session, row: Terms, act: str) -> None:
    session.add(row)
    detail: dict[str, Any] = {
        "rate_bp": row.rate_bp,
        "product": row.product_ref,
        "starts_at": row.starts_at.isoformat(),
    }
    if row.creator_id is not None:
        detail["creator"] = row.creator_id
    if row.ends_at is not None:
        detail["ends_at"] = row.ends_at.isoformat()
    audit.record(session, row.recorded_by, act, row.id, shop_id=row.shop_id, **detail)
