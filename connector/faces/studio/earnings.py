"""Earnings: what is on its way, what is frozen and until when one may explain, and each line with its state and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask import g, request, url_for
from sqlalchemy.orm import Session

from connector import clock
from connector.earnings.ledger.sums import Beside
from connector.faces.studio import calendar
from connector.faces.studio.face import blueprint, reading
from connector.insight.reports import asked as asking
from connector.insight.reports import beside, engine, table
from connector.insight.reports.asked import Asked
from connector.operations import earned
from connector.operations.earned import Line
from connector.programme.content import queries as contents
from connector.programme.creators import payees
from connector.web import amounts, cursors, explain, moments, words
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.words import paid_to

MONTHS = 12
BESIDE = 10  # amounts beside orders, on the first page
SHOW = {"earned": "What you earned", "nothing": "What earned nothing"}


@blueprint.get("/earnings")
@creator
def earnings() -> str:
    show = request.args.get("show", "earned")
    show = show if show in SHOW else "earned"
    content_id = request.args.get("content", "")[:64]
    listing = f"studio:{show}:{g.creator_id}:{content_id}"
    cursor = request.args.get("older", "")
    before = cursors.unpack(listing, cursor) if cursor else ()
    now = clock.now()
    with reading() as session:
        held = earned.frozen(session, g.creator_id)
        money = earned.standings(session, g.creator_id, now, held)
        goes_to = payees.standing(session, g.creator_id, now)
        stopped = earned.stopped(session, g.creator_id)
        videos = contents.newest(session, g.creator_id)
        owed = beside.read(session, Asked(creator_id=g.creator_id)) if not before else []
        if show == "earned":
            after = str(before[0]) if before else ""
            rows, last = earned.earned(session, g.creator_id, content_id=content_id, before=after)
            key: Sequence[Any] = [last] if last else ()
        else:
            there = (cursors.moment(before[0]), *before[1:]) if before else ()
            rows, key = earned.nothing(session, g.creator_id, content_id=content_id, before=there)
        chosen = next((row for row in videos if row.id == content_id), None)
        part = _part(session, content_id) if chosen is not None else {}
        shops = table.names(session, "shop", {each.entry.shop_id for each in owed[:BESIDE]})
    tabs = [
        (word, url_for(".earnings", show=name, content=content_id or None), None, name == show)
        for name, word in SHOW.items()
    ]
    return page(
        "studio/earnings.html", money=money, held=held, goes_to=goes_to, paid_to=paid_to, tabs=tabs, show=show,
        stopped=stopped, lines=[(line, told(line)) for line in rows], videos=videos, chosen=chosen, first=not before,
        older=cursors.pack(listing, key) if key else "", part=part, more_owed=len(owed) > BESIDE,
        owed=[] if chosen is not None else owed[:BESIDE], shops=shops, about=about, called=called,
        in_sight=calendar.in_sum(calendar.read()) if not before else [],
    )  # fmt: skip


@blueprint.get("/earnings/months")
@creator
def months() -> str:
    """What each of the last twelve months brought: sales by when they were placed, all else by when it was booked."""
    today = clock.now().astimezone(moments.zone()).date()
    first = _month_before(today.replace(day=1), MONTHS - 1)
    with reading() as session:
        asked = asking.days(Asked(creator_id=g.creator_id, zone=moments.zone()), first, today)
        found = engine.read(session, asked, ["day"])
    rows: dict[date, dict[str, engine.Sum]] = {}
    for place in found:
        for row in place.rows:
            month = row.key[0].replace(day=1)
            total = rows.setdefault(month, {}).setdefault(place.currency, engine.Sum())
            _add(total, row.total)
    shown = [(month, _last_day(month, today), rows[month]) for month in sorted(rows, reverse=True)]
    return page("studio/months.html", rows=shown, style="code" if len(found) > 1 else "symbol", number=MONTHS)


def _add(total: engine.Sum, other: engine.Sum) -> None:
    """Orders of a day are of one month: their numbers add up."""
    for name in ("sales", "taken_back", "due", "borne", "orders"):
        setattr(total, name, getattr(total, name) + getattr(other, name))
    for kind, amount in (other.kinds or {}).items():
        total.gain_beside(kind, amount)


def _month_before(first: date, number: int) -> date:
    months = first.year * 12 + first.month - 1 - number
    return date(months // 12, months % 12 + 1, 1)


def _last_day(month: date, today: date) -> date:
    return min(_month_before(month, -1) - timedelta(days=1), today)


def _part(session: Session, content_id: str) -> dict[str, tuple[int, int]]:
    """Currency → what one video brought in all, and what everything did: a filter is a part of the balance."""
    whole = Asked(creator_id=g.creator_id)
    narrowed = asking.narrowed(session, whole, content=content_id)
    everything = {place.currency: place.total.earned for place in engine.read(session, whole)}
    return {
        place.currency: (place.total.earned, everything.get(place.currency, 0))
        for place in engine.read(session, narrowed)
    }


def called(entry: Beside) -> str:
    """What an amount beside orders is, in words; below zero it was taken back, or owed when it was brought along."""
    below = ", owed to the shop" if entry.kind == "opening" else ", taken back"
    return explain.ENTRY_KINDS.get(entry.kind, entry.kind) + (below if entry.amount < 0 else "")


def about(entry: Beside) -> str:
    """The page of what an amount beside orders is for; "" where there is none."""
    what, _, which = entry.subject.partition(":")
    if what == "flat_fee":
        return url_for(".offer_page", negotiation_id=which)
    return url_for(".sample", sample_id=which) if what == "sample" else ""


def told(line: Line) -> str:
    """Why the line stands as it does, in the creator's words; of what was taken back, that it was."""
    slots = {"content": explain.CONTENT.get(line.kind, "")}
    if line.evidence:
        slots |= explain.candidate_slots(line.evidence, {"placed_at": line.placed_at.isoformat()})
    said = words.reason(line.reason, "creator", slots)
    if not line.reversed:
        return said
    back = amounts.plain(line.reversed, line.currency, "code")
    return f"{said}; {'all of ' if line.state == 'reversed' else ''}{back} was taken back"
