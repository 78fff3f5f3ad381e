"""Samples in the merchant's hands: an inbox by state, one sample, an answer to many after a look, and what is given."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.dashboard.face import blueprint
from connector.insight.market import search as market
from connector.operations.sampling import acts
from connector.programme.content import queries as contents
from connector.programme.content.tables import Content
from connector.programme.creators import payees
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator
from connector.programme.samples import offers, policy, queries
from connector.programme.samples.tables import Sample
from connector.web import guards, keyset, moments, sample_words
from connector.web.guards import merchant
from connector.web.layout import page
from connector.web.sample_words import GROUPS

MOST = acts.MOST_AT_ONCE
CHOICES = 50  # products that a form offers
_MANY = ("least", "score", "product", "kind")
_TYPED = ("reason", "tracking", "carrier", "order_number")
# act in the address → what is said once it is done
SAID = {
    "approve": "Approved.", "approve-by-hand": "Approved. You send it yourself: where it goes stands here.",
    "decline": "Declined. The creator reads why.", "cancel": "It is called off.",
    "by-hand": "You send it yourself: say here when it left.", "place-again": "We ask your store again.",
    "confirm": "Confirmed.", "doubt": "Noted. The creator reads why, and may name another order.",
    "shipped": "Noted: it is on its way.", "delivered": "Noted: it has arrived.",
}  # fmt: skip


@blueprint.get("/samples")
@merchant
def samples() -> str:
    """What waits for the shop first; narrowed by state and by creator."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    show, creator_id = request.args.get("show", ""), request.args.get("creator", "").strip()[:64]
    with db.read(Scope.shop(shop.id)) as session:
        counts = _counts(session, shop.id)
        show = show if show in GROUPS else "answer" if counts["answer"] else "all"
        asked = _those(shop.id, show)
        person = None
        if creator_id:
            asked = asked.where(Sample.creator_id == creator_id)
            person = creators.some(session, [creator_id]).get(creator_id)
        found = keyset.read(session, f"samples:{shop.id}:{show}:{creator_id}", asked, (Sample.id,))
        rows = _laid(session, shop.id, found.rows)
        given = offers.standing(session, shop.id, clock.now())
    tabs = [
        (word, url_for(".samples", show=name, creator=creator_id or None), None if creator_id else counts.get(name),
         name == show)
        for name, (word, _) in GROUPS.items()
    ]  # fmt: skip
    chips = [("Creator", person.name if person else "Somebody else", url_for(".samples", show=show))]
    return page(
        "dashboard/samples.html", shop=shop, rows=rows, found=found, tabs=tabs, counts=counts, given=given, show=show,
        chips_shown=chips if creator_id else [], clear=url_for(".samples", show=show), kinds=sample_words.KINDS,
        late=sample_words.late, now=clock.now(), first=not any(counts.values()) and not creator_id,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A sample in a list: whose, of what, and how reliable its creator is."""

    row: Sample
    creator: Creator
    title: str
    score: str


def _laid(session: Session, shop_id: str, rows: Sequence[Sample]) -> list[Line]:
    ids = {row.creator_id for row in rows}
    people, scored = creators.some(session, ids), queries.scores(session, ids, clock.now())
    titles = catalog.titles(session, shop_id, {row.product_ref for row in rows if row.product_ref})
    return [
        Line(
            row, people[row.creator_id], titles.get(row.product_ref) or row.product_ref or "Not chosen yet",
            sample_words.short_score(scored[row.creator_id]),
        )
        for row in rows
    ]  # fmt: skip


def _counts(session: Session, shop_id: str) -> dict[str, int]:
    by_state = queries.counts(session, shop_id=shop_id)
    found = {name: sum(by_state.get(state, 0) for state in states) for name, (_, states) in GROUPS.items()}
    return {**found, "all": sum(by_state.values())}


def _those(shop_id: str, show: str) -> sa.Select[Sample]:
    states = GROUPS[show][1]
    asked = sa.select(Sample).where(Sample.shop_id == shop_id)
    return asked.where(Sample.state.in_(states)) if states else asked


# One sample -------------------------------------------------------------------------------------------------------


@blueprint.get("/samples/<sample_id>")
@merchant
def sample(sample_id: str) -> str:
    return _shown(sample_id, {})


@blueprint.post("/samples/<sample_id>/<sample_act>")
@merchant
def move_sample(sample_id: str, sample_act: str) -> str | AnyResponse:
    act = sample_act
    if act not in SAID:
        raise NotFound(f"nothing called {act[:40]!r} is done with a sample")
    moments.use_zone(g.shop.time_zone)
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            _act(session, sample_id, act)
    except (InputRefused, Conflict) as refused:
        return _shown(sample_id, _wrong(act, refused), act)
    flash(SAID[act])
    return redirect(url_for(".sample", sample_id=sample_id), code=303)


def _act(session: Session, sample_id: str, act: str) -> Sample:
    form, who = request.form, {"shop_id": g.shop.id, "by": guards.actor()}
    typed = {name: form.get(name, "").strip()[:2000] for name in _TYPED}
    plain: dict[str, Callable[..., Sample]] = {
        "approve": acts.approve, "by-hand": acts.by_hand, "place-again": acts.place_again, "confirm": acts.confirm,
    }  # fmt: skip
    if act == "approve-by-hand":  # at once, before a worker orders it at the store
        acts.approve(session, sample_id, **who)
        return acts.by_hand(session, sample_id, **who)
    if act in plain:
        return plain[act](session, sample_id, **who)
    if act == "decline":
        return acts.decline(session, sample_id, typed["reason"], **who)
    if act == "cancel":
        return acts.cancel(session, sample_id, typed["reason"], **who)
    if act == "doubt":
        return acts.doubt(session, sample_id, typed["reason"], **who)
    if act == "shipped":
        return acts.shipped(
            session, sample_id, carrier=typed["carrier"], tracking=typed["tracking"],
            order_number=typed["order_number"], **who,
        )  # fmt: skip
    arrived = form.get("at", "").strip()
    return acts.delivered(session, sample_id, at=moments.first_of(arrived, "at") if arrived else None, **who)


def _wrong(act: str, refused: InputRefused | Conflict) -> dict[str, str]:
    """Id of the field → what is said beside it."""
    if isinstance(refused, Conflict):
        return {"act": refused.public}
    name = refused.field if refused.field in (*_TYPED, "at") else "act"
    names = {"reason": "The reason", "tracking": "The tracking number", "carrier": "The carrier", "at": "The day"}
    said = f"{names.get(name, 'This')} {refused.problem} {refused.remedy}".strip()
    return {f"{act}-{name}" if name in _TYPED else name: said}


def _shown(sample_id: str, errors: Mapping[str, str], tried: str = "") -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    now = clock.now()
    with db.read(Scope.shop(shop.id)) as session:
        row = queries.one(session, sample_id, shop_id=shop.id)
        who = creators.get(session, row.creator_id)
        shown: dict[str, Any] = {
            "listing": catalog.by_ref(session, shop.id, row.product_ref) if row.product_ref else None,
            "score": sample_words.score(queries.score_of(session, row.creator_id, now)),
            "story": sample_words.story(queries.steps(session, row.id)),
            "contents": _contents(session, row),
            "appeal": queries.appeal_of(session, row.id),
            "address": acts.address_for_shop(row),
            "places": acts.places(session, shop.id),
            "standing": sample_words.standing(
                row.standing, policy.numbered(policy.every(session), row.policy_version).numbers
            ),
        }
    return page(
        "dashboard/sample.html", shop=shop, row=row, creator=who, said=sample_words.sentence(row, who.name),
        acts=sample_words.acts(row), kinds=sample_words.KINDS,
        errors=errors, tried=tried, typed=request.form, now=now, late=sample_words.late(row, now),
        countries=payees.countries(), **shown,
    )  # fmt: skip


def _contents(session: Session, row: Sample) -> list[Content]:
    """What was named for it, and what fulfilled it."""
    ids = queries.contents(session, [row.id])[row.id]
    if row.content_id and row.content_id not in ids:
        ids = [*ids, row.content_id]
    known = contents.some(session, ids)
    return [known[each] for each in ids if each in known]


# Many at once -----------------------------------------------------------------------------------------------------


@blueprint.get("/samples/many")
@merchant
def many_samples() -> str:
    """How many requests would be answered: looked at first."""
    return _many(_typed(), {}, look="look" in request.args)


@blueprint.post("/samples/many")
@merchant
def answer_samples() -> str | AnyResponse:
    """Approve or decline each of those that were looked at; one that is refused stops no other."""
    typed, approves = _typed(), request.form.get("answer") == "approve"
    reason = request.form.get("reason", "").strip()[:500]
    try:
        if not approves and not reason:
            raise InputRefused("reason", "is missing.", "The creators read it.")
        with db.write(Scope.shop(g.shop.id)) as session:
            ids = [line.row.id for line in _matching(session, typed)]
            if request.form.get("seen") != _mark(ids) or not ids:
                raise Conflict("requests came or went", public="Requests came or went meanwhile: look again.")
            who = {"shop_id": g.shop.id, "by": guards.actor()}
            if approves:
                done = acts.each(session, ids, lambda each: acts.approve(session, each, **who))
            else:
                done = acts.each(session, ids, lambda each: acts.decline(session, each, reason, **who))
    except InputRefused as refused:
        field = refused.field if refused.field in (*_MANY, "reason") else "act"
        return _many(typed, {field: f"This {refused.problem} {refused.remedy}".strip()}, look=field == "reason")
    except Conflict as late:
        return _many(typed, {"act": late.public}, look=True)
    left = [(sample_id, words) for sample_id, row, _, words in done if row is None]
    went = len(done) - len(left)
    flash(f"{went:,} {'approved' if approves else 'declined'}." + (f" {len(left):,} not: see below." if left else ""))
    return _many(typed, {}, look=False, left=left) if left else redirect(url_for(".samples"), code=303)


def _many(
    typed: dict[str, str], errors: dict[str, str], *, look: bool, left: Sequence[tuple[str, str]] = ()
) -> str:  # fmt: skip
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    seen: list[Line] | None = None
    with db.read(Scope.shop(shop.id)) as session:
        if look:
            try:
                seen = _matching(session, typed)
            except InputRefused as refused:
                errors = errors | {refused.field: f"This {refused.problem} {refused.remedy}".strip()}
        waiting = queries.counts(session, shop_id=shop.id).get("requested", 0)
        titles = _requested(session, shop.id)
    return page(
        "dashboard/samples_many.html", shop=shop, typed=typed, errors=errors, seen=seen, waiting=waiting, most=MOST,
        products=titles, left=left, kinds=sample_words.KINDS, reason=request.form.get("reason", ""),
        mark=_mark([line.row.id for line in seen or ()]),
    )  # fmt: skip


def _typed() -> dict[str, str]:
    return {name: request.values.get(name, "").strip()[:100] for name in _MANY}


def _matching(session: Session, typed: Mapping[str, str]) -> list[Line]:
    """The requests within the limits, the first to lapse first: at most MOST. Errors: InputRefused."""
    least, percent = _whole(typed["least"], "least"), _whole(typed["score"], "score")
    asked = sa.select(Sample).where(
        Sample.shop_id == g.shop.id, Sample.state == "requested", Sample.due_at > clock.now()
    )
    if typed["product"]:
        asked = asked.where(Sample.product_ref == typed["product"])
    if typed["kind"] in sample_words.KINDS:
        asked = asked.where(Sample.kind == typed["kind"])
    if least:
        asked = asked.join(Creator, Creator.id == Sample.creator_id).where(Creator.followers >= least)
    rows = session.scalars(asked.order_by(Sample.due_at, Sample.id).limit(5 * MOST)).all()
    if percent:
        scored = queries.scores(session, {row.creator_id for row in rows}, clock.now())
        rows = [row for row in rows if (scored[row.creator_id].percent or -1) >= percent]
    return _laid(session, g.shop.id, rows[:MOST])


def _mark(ids: Sequence[str]) -> str:
    """Of just these requests: where one came or went, it is another one."""
    return hashlib.sha256(",".join(ids).encode()).hexdigest()[:32]


def _requested(session: Session, shop_id: str) -> list[tuple[str, str]]:
    """Products that somebody asks for, to choose from: (ref, title)."""
    refs = session.scalars(
        sa.select(Sample.product_ref)
        .where(Sample.shop_id == shop_id, Sample.state == "requested", Sample.product_ref != "")
        .distinct()
        .limit(200)
    ).all()
    titles = catalog.titles(session, shop_id, refs)
    return sorted(((ref, titles.get(ref) or ref) for ref in refs), key=lambda each: each[1])


# What is given ----------------------------------------------------------------------------------------------------


@blueprint.get("/samples/given")
@merchant
def sample_offers() -> str:
    return _given({}, {})


@blueprint.post("/samples/given")
@merchant
def add_sample_offer() -> str | AnyResponse:
    names = ("kind", "product", "month", "followers", "score")
    typed = {name: request.form.get(name, "").strip()[:100] for name in names}
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            offers.add(
                session, g.shop.id, typed["kind"], product_ref=typed["product"],
                per_month=_whole(typed["month"], "per_month"), auto_score=_whole(typed["score"], "auto_score"),
                auto_followers=_whole(typed["followers"], "auto_followers"), by=guards.actor(),
            )  # fmt: skip
    except InputRefused as refused:
        field = {
            "per_month": "month", "auto_followers": "followers", "auto_score": "score", "product_ref": "product",
        }.get(refused.field, refused.field)  # fmt: skip
        return _given(typed, {field: f"This {refused.problem} {refused.remedy}".strip()})
    except Conflict as full:
        return _given(typed, {"form": full.public})
    flash("Creators can ask for it from now on.")
    return redirect(url_for(".sample_offers"), code=303)


@blueprint.post("/samples/given/<sample_offer_id>/end")
@merchant
def end_sample_offer(sample_offer_id: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        offers.end(session, sample_offer_id, shop_id=g.shop.id, by=guards.actor())
    flash("None are given by it any more. What was asked for goes on.")
    return redirect(url_for(".sample_offers"), code=303)


def _given(typed: dict[str, str], errors: dict[str, str]) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    now, find = clock.now(), request.args.get("find", "").strip()[:200]
    with db.read(Scope.shop(shop.id)) as session:
        rows = offers.of_shop(session, shop.id)
        stand = [row for row in rows if row.ends_at is None or row.ends_at > now]
        left = {row.id: offers.left_this_month(session, row, now) for row in stand}
        titles = catalog.titles(session, shop.id, {row.product_ref for row in rows if row.product_ref})
        listed = (
            market.search(session, market.Asked(find, shop_id=shop.id), cursor=None, limit=CHOICES).listings
            if find
            else catalog.by_title(session, shop_id=shop.id, limit=CHOICES)
        )
        numbers = policy.at(session, now).numbers
    return page(
        "dashboard/sample_offers.html", shop=shop, stand=stand, past=[row for row in rows if row not in stand],
        left=left, titles=titles, listed=listed, full=len(listed) == CHOICES, find=find, typed=typed, errors=errors,
        kinds=sample_words.KINDS, numbers=numbers,
    )  # fmt: skip


def _whole(text: str, field: str) -> int | None:
    """None for an empty field. Errors: InputRefused."""
    plain = text.replace(",", "").replace(" ", "")
    if not plain:
        return None
    if not (plain.isascii() and plain.isdigit() and len(plain) < 12):
        raise InputRefused(field, "is no whole number.", "Write digits alone.")
    return int(plain)
