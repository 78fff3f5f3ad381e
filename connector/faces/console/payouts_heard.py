"""What became of payouts: a bank's list, transfers whose fate isn't known; conversion rates; a creator's details."""

from __future__ import annotations

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.db import Scope
from connector.earnings.payouts import conversion, outcomes, queries
from connector.earnings.payouts.conversion import Rate
from connector.earnings.payouts.hand_over import API_RAILS
from connector.earnings.payouts.outcomes import Heard
from connector.earnings.payouts.rails import TITLES, Told
from connector.earnings.payouts.tables import Payout
from connector.errors import ConnectorError, InputRefused, NotFound
from connector.faces.console import telling
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.programme.creators import payees
from connector.programme.creators import queries as creators_of
from connector.web import guards, keyset
from connector.web.guards import staff
from connector.web.layout import page
from connector.web.words import paid_to

LARGEST_FILE = 1_500_000


@blueprint.get("/payouts/outcomes")
@staff("finance")
def payout_outcomes() -> str:
    return page("console/payout_outcomes.html", text="", heard=None, wrong=[], counts={}, errors={}, taken=None)


@blueprint.post("/payouts/outcomes")
@staff("finance")
def take_outcomes() -> str:
    """First what the list says, then, with `book`, its outcomes recorded."""
    given = request.files.get("file")
    try:
        text = given.read(LARGEST_FILE + 1).decode("utf-8-sig") if given and given.filename else ""
    except UnicodeDecodeError:
        return _outcomes_page("", "The file isn't text in UTF-8.")
    text = text or request.form.get("text", "")
    if not text.strip():
        return _outcomes_page("", "Choose a file, or paste its rows.")
    if len(text) > LARGEST_FILE:
        return _outcomes_page("", "The list is too long for this page: use `connector payout outcomes`.")
    taken = None
    try:
        rows = outcomes.read(text)
        if request.form.get("book"):
            with db.write(Scope.system(WHY)) as session:
                taken = outcomes.take_file(session, text, clock.now(), guards.actor())
    except ConnectorError as refused:
        return _outcomes_page(text, refused.public)
    heard = [row for row in rows if isinstance(row, Heard)]
    with db.read(Scope.system(WHY)) as session:
        seen = outcomes.looked(session, heard)
    counts = seen.counts
    wrong = sorted([*seen.refused, *(row for row in rows if not isinstance(row, Heard))])
    return page(
        "console/payout_outcomes.html", text=text, heard=heard, wrong=wrong, counts=counts, errors={}, taken=taken,
        known=len(seen.known), bookable=len(seen.recorded),
    )  # fmt: skip


def _outcomes_page(text: str, error: str) -> str:
    return page(
        "console/payout_outcomes.html", text=text, heard=None, wrong=[], counts={}, errors={"file": error}, taken=None,
        known=0, bookable=0,
    )  # fmt: skip


@blueprint.get("/payouts/transfers/<payout_id>")
@staff("finance")
def payout(payout_id: str) -> str:
    """One transfer: what left, where to, and everything that was heard of it."""
    with db.read(Scope.system(WHY)) as session:
        found = session.get(Payout, payout_id)
        if found is None:
            raise NotFound(f"no payout has the id {payout_id[:40]!r}")
        of = queries.batch(session, found.batch_id)
        events = queries.events(session, payout_id)
        person = creators_of.some(session, [found.creator_id]).get(found.creator_id)
        shop = shops_by_id(session, {found.shop_id}).get(found.shop_id)
        version = payees.some(session, [found.payee_id]).get(found.payee_id) if found.payee_id else None
    return page(
        "console/payout.html", payout=found, batch=of, events=events, person=person, shop=shop,
        to=paid_to(version.shown, of.rail) if version else "", title=TITLES.get(of.rail, of.rail),
        leaves=outcomes.leaves, actor=telling.actor_words,
    )  # fmt: skip


@blueprint.get("/payouts/unknown")
@staff("finance")
def unknown_payouts() -> str:
    return _unknown({})


def _unknown(errors: dict[str, str]) -> str:
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(Payout).where(Payout.status == "unknown")
        found = keyset.read(session, "unknown", asked, (Payout.id,))
        events = queries.latest_events(session, [row.id for row in found.rows])
        people = creators_of.some(session, {row.creator_id for row in found.rows})
        shops = shops_by_id(session, {row.shop_id for row in found.rows})
        by_calls = {row.batch_id for row in found.rows if queries.batch(session, row.batch_id).rail in API_RAILS}
    return page(
        "console/payout_unknown.html", by_calls=by_calls, found=found, events=events, people=people,
        shops=shops, errors=errors, leaves=outcomes.leaves,
    )  # fmt: skip


@blueprint.post("/payouts/unknown/<payout_id>")
@staff("finance")
def say_outcome(payout_id: str) -> str | AnyResponse:
    """A person looked at the rail and says what became of one transfer."""
    outcome, why = request.form.get("outcome", ""), request.form.get("why", "").strip()
    if outcome not in ("paid", "failed"):
        raise InputRefused("outcome", "is neither paid nor failed.")
    if not why:
        return _unknown({payout_id: "Say where you looked."})
    told = Told("paid" if outcome == "paid" else "failed", "person_looked", why)
    with db.write(Scope.system(WHY)) as session:
        if session.get(Payout, payout_id) is None:
            raise NotFound(f"no payout has the id {payout_id[:40]!r}")
        taken = outcomes.take(session, [Heard(payout_id, told)], clock.now(), guards.actor())
    flash(taken.refused[0][2] if taken.refused else f"Recorded as {outcome}.")
    return redirect(url_for(".unknown_payouts"), code=303)


def said(refused: ConnectorError) -> str:
    """What is wrong, beneath a field that already names itself."""
    if not isinstance(refused, InputRefused):
        return refused.public
    text = f"{refused.problem} {refused.remedy}".strip()
    return text[:1].upper() + text[1:]


@blueprint.get("/payouts/rates")
@staff("finance")
def payout_rates() -> str:
    return _rates({}, {})


def _rates(typed: dict[str, str], errors: dict[str, str]) -> str:
    with db.read(Scope.system(WHY)) as session:
        rows = conversion.latest(session)
    return page("console/payout_rates.html", rows=rows, typed=typed, errors=errors, actor=telling.actor_words)


@blueprint.post("/payouts/rates")
@staff("finance")
def enter_rate() -> str | AnyResponse:
    typed = {name: request.form.get(name, "").strip() for name in conversion.COLUMNS}
    try:
        moment = clock.parse(typed["quoted_at"])
    except ValueError:
        return _rates(typed, {"quoted_at": "Give a time with its offset, like 2026-11-27T16:00:00+01:00."})
    rate = Rate(typed["base"].upper(), typed["quote"].upper(), typed["rate"], typed["source"], moment)
    try:
        with db.write(Scope.system(WHY)) as session:
            conversion.enter(session, rate, guards.actor())
    except ConnectorError as refused:
        return _rates(typed, {getattr(refused, "field", "rate"): said(refused)})
    flash("The rate is kept.")
    return redirect(url_for(".payout_rates"), code=303)


@blueprint.get("/creators/<creator_id>/payee")
@staff("finance")
def payee(creator_id: str) -> str:
    """Where a creator's money goes, masked, version by version."""
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        creator = creators_of.get(session, creator_id)
        versions = payees.of(session, creator_id)
        stands = payees.standing_of(versions, now)
        same = payees.sharing(session, stands.payee) if stands.payee is not None else []
        people = creators_of.some(session, same)
    shown = [(version, payees.state_of(versions, version, now)) for version in reversed(versions)]
    return page(
        "console/payee.html", creator=creator, shown=shown, stands=stands, people=people, paid_to=paid_to,
        actor=telling.actor_words,
    )  # fmt: skip
