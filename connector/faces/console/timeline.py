"""A shop's timeline: since when is it so, and what changed just before? Filters are links."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from connector import clock, db
from connector.commerce.shops import queries as shops_of
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.console import telling
from connector.faces.console.face import WHY, blueprint
from connector.operations import timeline as history
from connector.operations.timeline import Group
from connector.web import moments
from connector.web.guards import staff
from connector.web.layout import page

WORDS: dict[Group, str] = {
    "grant": "Permission", "sync": "Sync", "deliveries": "Deliveries", "subscriptions": "Subscriptions",
    "settings": "Settings and rates", "staff": "Staff",
}  # fmt: skip


@blueprint.get("/shops/<shop_id>/timeline")
@staff("support")
def timeline(shop_id: str) -> str:
    only, days = request.args.get("only", ""), request.args.get("days", "30")
    if only and only not in history.GROUPS:
        raise InputRefused("only", "isn't one of the list.", f"Use {', '.join(history.GROUPS)}.")
    if not days.isdigit() or int(days) not in history.SPANS:
        raise InputRefused("days", "isn't one of the list.", f"Use {', '.join(str(each) for each in history.SPANS)}.")
    groups = (only,) if only else history.GROUPS
    with db.read(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        found = history.read(session, shop, days=int(days), groups=groups, zone=moments.zone(), now=clock.now())
        items = telling.items(shop, found.happenings)
    return page(
        "console/timeline.html", shop=shop, items=items, found=found, only=only, days=int(days),
        views_shown=_views(shop_id, only, int(days), found), spans=_spans(shop_id, only, int(days)),
        sentence=telling_of(found, int(days)),
    )  # fmt: skip


def telling_of(found: history.Timeline, days: int) -> str:
    """The sentence above the list: was there a silence, did something fail, when did it change last?"""
    silent = [one for one in found.happenings if one.code == "silence"]
    if silent and silent[0].facts["open"]:
        return f"Nothing heard for {moments.lasting(silent[0].facts['lasted'])}, which is not usual at this hour."
    changed = next((one for one in found.happenings if one.group in ("settings", "staff")), None)
    last = f"The last change by a person was {moments.ago(changed.at)}." if changed else "No person changed anything."
    if silent:
        times = "once" if len(silent) == 1 else f"{len(silent)} times"
        return f"{last} It was silent {times} in these {history.SPANS[days].lower().removeprefix('a ')}."
    return last


def _views(shop_id: str, only: str, days: int, found: history.Timeline) -> list[tuple[str, str, int | None, bool]]:
    def url(**more: Any) -> str:
        return url_for(".timeline", shop_id=shop_id, days=days if days != 30 else None, **more)

    views: list[tuple[str, str, int | None, bool]] = [("All", url(), sum(found.counts.values()), not only)]
    views += [(WORDS[group], url(only=group), found.counts[group], only == group) for group in history.GROUPS]
    return views


def _spans(shop_id: str, only: str, days: int) -> list[tuple[str, str, None, bool]]:
    return [
        (word, url_for(".timeline", shop_id=shop_id, only=only or None, days=span), None, span == days)
        for span, word in history.SPANS.items()
    ]
