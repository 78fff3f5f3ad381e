"""Creators: who they are and how they stand, what they are owed per shop and currency, and whom support has to look at.

Sums are the ledger's, never added over currencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, clock, db
from connector.commerce.catalog.ids import listing_id
from connector.commerce.orders.tables import Order
from connector.db import Scope
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission import freezes
from connector.earnings.ledger import queries as ledger
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement.tables import Closing, Statement
from connector.errors import Conflict, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.insight.reports import table
from connector.programme.collaborations.tables import MessageReport, Negotiation, PromotionRow
from connector.programme.content.tables import Content
from connector.programme.creators import countries, eligibility, networks, payees, profiles, register
from connector.programme.creators import queries as creators_of
from connector.programme.creators.tables import (
    Creator,
    CreatorCountry,
    CreatorEligibility,
    CreatorFollowers,
    CreatorHandle,
)
from connector.programme.policies import rules, screening, violations
from connector.programme.policies.rules_tables import Violation
from connector.programme.samples import queries as samples
from connector.programme.samples.tables import Sample
from connector.web import guards, keyset, sample_words
from connector.web.guards import staff
from connector.web.layout import page

QUEUE = {
    "held": "Under review",
    "flagged": "Flagged, take part",
    "strikes": "Strikes due",
    "refused": "Refused, flagged",
}


@blueprint.get("/creators")
@staff("support")
def creators() -> str:
    text = request.args.get("q", "").strip()
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(Creator)
        if text:
            like = f"%{text.lower().lstrip('@')}%"
            whole = sa.select(CreatorHandle.creator_id).where(CreatorHandle.handle == text.casefold().lstrip("@"))
            asked = asked.where(
                sa.or_(
                    Creator.handle.like(like), sa.func.lower(Creator.name).like(like), Creator.id == text,
                    Creator.account_ref == text, Creator.id.in_(whole),
                )
            )  # fmt: skip
        found = keyset.read(session, "creators", asked, (Creator.id,))
        standing = creators_of.statuses_at(session, [row.id for row in found.rows], clock.now())
        owed: dict[str, dict[str, int]] = {}
        for row in found.rows:
            for balance in ledger.balances(session, creator_id=row.id):
                by_currency = owed.setdefault(row.id, {})
                by_currency[balance.currency] = by_currency.get(balance.currency, 0) + balance.owed
    chips = [("Search", text, url_for(".creators"))] if text else []
    return page("console/creators.html", found=found, standing=standing, owed=owed, text=text, chips_shown=chips)


@blueprint.get("/creators/<creator_id>")
@staff("support")
def creator(creator_id: str) -> str:
    return _page(creator_id, {})


def _page(creator_id: str, errors: dict[str, str]) -> str:
    with db.read(Scope.system(WHY)) as session:
        found = creators_of.get(session, creator_id)
        standing = creators_of.status_at(session, creator_id, clock.now())
        balances = ledger.balances(session, creator_id=creator_id)
        statements = session.execute(
            sa.select(Statement, Closing)
            .join(Closing, Closing.id == Statement.closing_id)
            .where(Statement.creator_id == creator_id)
            .order_by(Closing.closed_at.desc())
            .limit(24)
        ).all()
        payouts = session.scalars(
            sa.select(Payout).where(Payout.creator_id == creator_id).order_by(Payout.created_at.desc()).limit(24)
        ).all()
        contents = session.scalars(
            sa.select(Content).where(Content.creator_id == creator_id).order_by(Content.created_at.desc()).limit(24)
        ).all()
        decided = session.execute(
            sa.select(Order, DecisionRow)
            .join(DecisionRow, DecisionRow.order_id == Order.id)
            .where(DecisionRow.creator_id == creator_id)
            .order_by(Order.placed_at.desc())
            .limit(20)
        ).all()
        shop_ids = {each.shop_id for each in balances} | {each.shop_id for each in payouts}
        shop_ids |= {order.shop_id for order, _ in decided} | {statement.shop_id for statement, _ in statements}
        shops = shops_by_id(session, shop_ids)
        shown = _profile(session, found)
        shops |= shops_by_id(session, shown.pop("shop_ids") - shops.keys())
    return page(
        "console/creator.html", creator=found, standing=standing, balances=balances, statements=statements,
        payouts=payouts, contents=contents, decided=decided, shops=shops, name_of=name_of, now=clock.now(),
        counts=violations.counts, networks=networks, countries=payees.countries(), kinds=sample_words.KINDS,
        errors=errors, typed=request.form, **shown,
    )  # fmt: skip


def _profile(session: Session, row: Creator) -> dict[str, Any]:
    """Who the creator is, how they were decided on, and what stands against them."""
    now = clock.now()
    breaches = violations.of(session, row.id)
    sampled = samples.of_creator(session, row.id, limit=10)
    reported = session.execute(
        sa.select(MessageReport, Negotiation.shop_id)
        .join(Negotiation, Negotiation.id == MessageReport.negotiation_id)
        .where(Negotiation.creator_id == row.id)
        .order_by(MessageReport.reported_at.desc(), MessageReport.id)
        .limit(20)
    ).all()
    threads = session.scalars(
        sa.select(Negotiation)
        .where(Negotiation.creator_id == row.id)
        .order_by(Negotiation.moved_at.desc(), Negotiation.id.desc())
        .limit(10)
    ).all()
    promotes = session.scalar(
        sa.select(sa.func.count()).where(PromotionRow.creator_id == row.id, PromotionRow.ends_at.is_(None))
    )
    where = countries.of(session, [row.id], now).get(row.id, "")
    return {
        "handles": profiles.handles(session, row.id), "audience": profiles.audience(session, row.id, now),
        "decisions": eligibility.history(session, row.id, limit=20), "counted": _counted(session, row.id),
        "places": _places(session, row.id), "country": where,
        "country_off": bool(countries.held_back(session, [row.id], now)), "breaches": breaches[:10],
        "rule_titles": _rule_titles(session), "strikes": violations.strikes(breaches, now),
        "due": violations.due(breaches, now),
        "frozen": freezes.of_creator(session, row.id, 10), "reported": reported, "threads": threads,
        "sampled": sampled, "titles": sample_titles(session, sampled),
        "score": sample_words.score(samples.score_of(session, row.id, now)),
        "sample_counts": samples.counts(session, creator_id=row.id), "promotes": promotes or 0,
        "statuses": creators_of.status_history(session, row.id)[:10],
        "shop_ids": {each.shop_id for each in sampled}
        | {each.shop_id for each in threads}
        | {shop_id for _, shop_id in reported},
    }  # fmt: skip


def _rule_titles(session: Session) -> dict[str, str]:
    return {rule.code: rule.title for each in screening.versions(session) for rule in rules.breakable(each)}


def sample_titles(session: Session, rows: Sequence[Sample]) -> dict[str, str]:
    """Sample → what its product is called."""
    ids = {row.id: listing_id(row.shop_id, row.product_ref) for row in rows if row.product_ref}
    known = table.names(session, "product", set(ids.values()))
    return {sample_id: known.get(ids[sample_id], "") for sample_id in ids}


def _counted(session: Session, creator_id: str) -> list[CreatorFollowers]:
    """What was told of their followers, the newest first."""
    mine = sa.select(CreatorFollowers).where(CreatorFollowers.creator_id == creator_id)
    newest = mine.order_by(CreatorFollowers.starts_at.desc(), CreatorFollowers.id.desc()).limit(20)
    return list(session.scalars(newest))


def _places(session: Session, creator_id: str) -> list[CreatorCountry]:
    mine = sa.select(CreatorCountry).where(CreatorCountry.creator_id == creator_id)
    return list(session.scalars(mine.order_by(CreatorCountry.starts_at.desc()).limit(10)))


@blueprint.post("/creators/<creator_id>/look")
@staff("support")
def look_again(creator_id: str) -> AnyResponse:
    """Decide anew, now, by the policy of now."""
    try:
        with db.write(Scope.system(WHY)) as session:
            row = creators_of.living(session, creator_id)
            if not row.eligibility:
                raise Conflict("never decided", public="The app registered them before there was a sign-up.")
            decided, _ = eligibility.decide(session, row, "staff", by=guards.actor(), now=clock.now())
            said = f"Looked at by version {decided.policy_version} of the policy: {_OUTCOMES[decided.outcome]}."
    except Conflict as refused:
        said = refused.public
    flash(said)
    return redirect(url_for(".creator", creator_id=creator_id), code=303)


@blueprint.post("/creators/<creator_id>/status")
@staff("finance")
def set_status(creator_id: str) -> str | AnyResponse:
    """Suspend somebody, or let them go on, from now on: nothing that was placed before is decided anew."""
    status, why = request.form.get("status", ""), request.form.get("why", "").strip()
    try:
        if status not in ("active", "suspended"):
            raise InputRefused("status", "is neither active nor suspended.", "Open the page again.")
        if not 5 <= len(why) <= 500:
            raise InputRefused("why", "is shorter than 5 characters, or longer than 500.", "The creator may read it.")
        with db.write(Scope.system(WHY)) as session:
            creators_of.living(session, creator_id)
            row = register.set_status(session, creator_id, status, reason=why)
            audit.record(
                session, guards.actor(), "creator.status", creator_id, status=status, why=why,
                starts_at=row.starts_at.isoformat(),
            )  # fmt: skip
    except InputRefused as refused:
        return _page(creator_id, {"why": f"The reason {refused.problem} {refused.remedy}".strip()})
    flash("Suspended: new sales earn nothing." if status == "suspended" else "They go on: new sales count again.")
    return redirect(url_for(".creator", creator_id=creator_id), code=303)


_OUTCOMES = {"accepted": "they take part", "held": "under review", "refused": "they add nothing new"}


# Whom support looks at --------------------------------------------------------------------------------------------


@blueprint.get("/creators/queue")
@staff("support")
def creator_queue() -> str:
    """Counts that aren't believed yet, and strikes by which a person has to act."""
    show = request.args.get("show", "held")
    show = show if show in QUEUE else "held"
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        found, struck = None, dict[str, int]()
        if show == "strikes":
            struck = _struck(session)
            people = creators_of.some(session, struck)
        else:
            order = (CreatorEligibility.decided_at, CreatorEligibility.id)
            found = keyset.read(session, f"creator-queue:{show}", _flagged(show), order)
            people = creators_of.some(session, {row.creator_id for row in found.rows})
        standing = creators_of.statuses_at(session, list(people), now)
    tabs = [(word, url_for(".creator_queue", show=name), None, name == show) for name, word in QUEUE.items()]
    return page(
        "console/creator_queue.html", found=found, struck=struck, people=people, tabs=tabs, show=show,
        standing=standing, most=violations.MOST_STRIKES,
    )  # fmt: skip


def _flagged(show: str) -> sa.Select[CreatorEligibility]:
    """The newest decision of each creator whose count isn't believed, of one outcome."""
    later = sa.orm.aliased(CreatorEligibility)
    newer = sa.exists().where(
        later.creator_id == CreatorEligibility.creator_id,
        sa.or_(
            later.decided_at > CreatorEligibility.decided_at,
            sa.and_(later.decided_at == CreatorEligibility.decided_at, later.id > CreatorEligibility.id),
        ),
    )
    outcome = {"held": "held", "flagged": "accepted", "refused": "refused"}[show]
    return sa.select(CreatorEligibility).where(
        CreatorEligibility.believed != CreatorEligibility.followers, CreatorEligibility.outcome == outcome, ~newer
    )


def _struck(session: Session) -> dict[str, int]:
    """Creator → strikes that count now, of those with as many as make an act due; the most first."""
    number = sa.func.sum(Violation.strikes)
    rows = session.execute(
        sa.select(Violation.subject_id, number)
        .where(Violation.subject == "creator", Violation.decision != "lifted", Violation.ends_at > clock.now())
        .group_by(Violation.subject_id)
        .having(number >= violations.MOST_STRIKES)
        .order_by(number.desc(), Violation.subject_id)
        .limit(200)
    )
    return {creator_id: int(strikes) for creator_id, strikes in rows}
