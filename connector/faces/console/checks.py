"""The standing checks: missed credit, twice paid, code gaps, stalled money. Counts on the first page, lists here.

The checks walk through the orders of the last 30 days, so what they found is kept in this process for a while; the
page says how old it is. A list can be narrowed to a shop or a reason, and goes further back when asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import request, url_for
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.operations import standing
from connector.operations.standing import Check, Checked, Finding
from connector.programme.creators import queries as creators_of
from connector.web import words
from connector.web.guards import staff
from connector.web.layout import page

KEPT_SECONDS = 60.0
SHOWN = 200
DAYS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year"}


@dataclass(frozen=True, slots=True)
class About:
    """A check in words: its name on the first page, what it asks, and what it says when all is well."""

    title: str
    asks: str
    well: str


ABOUT: dict[Check, About] = {
    "missed": About(
        "Missed credit",
        "Orders that carry a token, or whose buyer tapped in time, and that credit nobody: each with its reason.",
        "Every order that came with a token or a tap in time credits somebody, or a rule says why not.",
    ),
    "duplicates": About(
        "Twice paid",
        "Lines that two creators hold money of, sums that are not what is due, a store, an order or a payout held "
        "twice.",
        "Nothing stands twice, and every line's sum is what is due.",
    ),
    "gaps": About(
        "Code gaps",
        "Codes and tokens that came and that we don't know, with what we know that comes nearest.",
        "Every code and token that came is one of ours.",
    ),
    "stuck": About(
        "Stalled money",
        "Money that stands still longer than it should: pending, cleared, settled, handed out or frozen.",
        "Money moves on its way: nothing is past its time.",
    ),
}

# database → (when it was looked at, until when that is kept, what was found)
_kept: dict[str, tuple[float, float, dict[Check, Checked]]] = {}
_lock = threading.Lock()


def newest(session: Session) -> tuple[dict[Check, Checked], float]:
    """What the checks found, and how many seconds ago: a minute at most, or a minute for each second that they
    took, so that a first page that is opened all day costs no more than a sixtieth of a processor."""
    place = str(db.current().url)
    with _lock:
        held = _kept.get(place)
    began = time.monotonic()
    if held is not None and began < held[1]:
        return held[2], began - held[0]
    found = standing.counts(session)
    done = time.monotonic()
    with _lock:
        _kept.clear()  # one database a process; tests have many
        _kept[place] = (done, done + KEPT_SECONDS * max(1.0, done - began), found)
    return found, 0.0


def forget() -> None:
    """The next look is a fresh one."""
    with _lock:
        _kept.clear()


@blueprint.get("/checks/<name>")
@staff("support")
def check(name: str) -> str:
    if name not in standing.CHECKS:
        raise NotFound(f"no standing check is called {name[:40]!r}")
    wanted: Check = name
    asked: dict[str, Any] = {part: request.args.get(part, "").strip() for part in ("shop", "reason", "days", "all")}
    days = asked["days"] or "30"
    if days not in DAYS:
        raise InputRefused("days", "isn't one of the list.", f"Use {', '.join(DAYS)}.")
    with db.read(Scope.system(WHY)) as session:
        since = clock.now() - timedelta(days=int(days))
        done = standing.check(session, wanted, since=since, shop_id=asked["shop"] or None)
        rows = _narrowed(done.findings, asked["reason"], whole=bool(asked["all"] or asked["reason"]))
        shops = shops_by_id(session, {row.shop_id for row in rows if row.shop_id} | {asked["shop"]})
        people = creators_of.some(session, {row.creator_id for row in rows if row.creator_id})
        every = session.scalars(sa.select(Shop).order_by(Shop.name).limit(500)).all()
    about = ABOUT[wanted]
    return page(
        "console/check.html", name=wanted, about=about, done=done, rows=rows[:SHOWN], number=len(rows), shops=shops,
        people=people, asked=asked, days=days, spans=DAYS, every=every, views_shown=_views(wanted, asked, done),
        chips_shown=_chips(wanted, asked, shops), closed=sum(row.explained for row in done.findings),
        do=words.staff_do, checks=[(each, ABOUT[each].title) for each in standing.CHECKS],
    )  # fmt: skip


def _narrowed(findings: Sequence[Finding], reason: str, *, whole: bool) -> list[Finding]:
    if reason:
        return [one for one in findings if one.reason == reason]
    return list(findings) if whole else [one for one in findings if not one.explained]


def _views(name: Check, asked: dict[str, Any], done: Checked) -> list[tuple[str, str, int | None, bool]]:
    base = {part: asked[part] for part in ("shop", "days") if asked[part]}
    views: list[tuple[str, str, int | None, bool]] = [
        ("To look at", url_for(".check", name=name, **base), done.open, not asked["reason"] and not asked["all"]),
    ]
    closed = len(done.findings) - done.open
    if closed or asked["all"]:
        url = url_for(".check", name=name, **base, all="1")
        views.append(("With those that are explained", url, len(done.findings), bool(asked["all"])))
    for reason, number in sorted(done.counts.items(), key=lambda each: -each[1]):
        url = url_for(".check", name=name, **base, reason=reason)
        views.append((words.reason(reason, "support").split(":")[0], url, number, asked["reason"] == reason))
    return views


def _chips(name: Check, asked: dict[str, Any], shops: dict[str, Shop]) -> list[tuple[str, str, str]]:
    if not asked["shop"]:
        return []
    rest = {part: asked[part] for part in ("days", "reason", "all") if asked[part]}
    return [("Shop", name_of(shops.get(asked["shop"])), url_for(".check", name=name, **rest))]
