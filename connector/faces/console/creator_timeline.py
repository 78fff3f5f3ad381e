"""A creator's timeline: since when is it so, and what changed just before? Filters are links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import g, request, url_for

from connector import db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.console import telling
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.faces.console.telling import Item
from connector.operations import creator_timeline as history
from connector.operations.creator_timeline import Group, Happening
from connector.programme.creators import networks
from connector.programme.creators import queries as creators_of
from connector.web import sample_words, words
from connector.web.amounts import count, plain
from connector.web.guards import staff
from connector.web.layout import page

WORDS: dict[Group, str] = {
    "standing": "Standing", "profile": "Profile", "rules": "Rules", "shops": "Shops", "samples": "Samples",
    "money": "Money",
}  # fmt: skip
USUAL = 90
_Shops = Mapping[str, Shop]


@blueprint.get("/creators/<creator_id>/timeline")
@staff("support")
def creator_timeline(creator_id: str) -> str:
    only, days = request.args.get("only", ""), request.args.get("days", str(USUAL))
    if only and only not in history.GROUPS:
        raise InputRefused("only", "isn't one of the list.", f"Use {', '.join(history.GROUPS)}.")
    if not days.isdigit() or int(days) not in history.SPANS:
        raise InputRefused("days", "isn't one of the list.", f"Use {', '.join(str(each) for each in history.SPANS)}.")
    group = next((each for each in history.GROUPS if each == only), None)
    with db.read(Scope.system(WHY)) as session:
        creator = creators_of.get(session, creator_id)
        found = history.read(session, creator_id, days=int(days), only=group)
        shops = shops_by_id(session, {str(one.facts["shop_id"]) for one in found.happenings if "shop_id" in one.facts})
    return page(
        "console/creator_timeline.html", creator=creator, items=[item(one, shops) for one in found.happenings],
        found=found, only=only, views_shown=_views(creator_id, only, int(days), found),
        spans=_spans(creator_id, only, int(days)),
    )  # fmt: skip


def item(one: Happening, shops: _Shops) -> Item:
    kind, text = _TELL[one.code](one.facts, shops)
    who = telling.actor_words(one.by) if one.by else ""
    return Item(one.at, kind, text, who, one.id, _url(one))


def _url(one: Happening) -> str:
    """Where the thing is shown; "" where it has no page, or none that this reader may open."""
    if one.code in ("frozen", "freeze_ended"):
        return url_for(".freeze", freeze_id=one.id)
    if one.code == "sample":
        return url_for(".sample", sample_id=one.id)
    if one.code == "payout" and g.staff.may("finance"):
        return url_for(".payout", payout_id=one.id)
    return ""


def _said_eligibility(facts: Mapping[str, Any], _shops: _Shops) -> tuple[str, str]:
    text = f"{words.status('eligibility', facts['outcome']).word}, by version {facts['version']} of the policy"
    if facts["reason"]:
        text += f": {words.lowered(words.reason(facts['reason'], 'support'))}"
    if facts["believed"] != facts["followers"]:
        text += f"; {count(facts['followers'])} were told and {count(facts['believed'])} are believed"
    return words.status("eligibility", facts["outcome"]).kind, f"{text}."


def _said_sample(facts: Mapping[str, Any], shops: _Shops) -> tuple[str, str]:
    act = sample_words.STEPS.get(facts["act"], facts["act"])
    return words.status("sample", facts["state"]).kind, f"Sample of {_shop(facts, shops)}: {words.lowered(act)}."


def _said_payout(facts: Mapping[str, Any], shops: _Shops) -> tuple[str, str]:
    badge = words.status("payout", facts["status"])
    sent = plain(facts["amount"], facts["currency"], "code")
    return badge.kind, f"Payout of {sent} from {_shop(facts, shops)}: {badge.word.lower()}."


def _shop(facts: Mapping[str, Any], shops: _Shops) -> str:
    return name_of(shops.get(facts["shop_id"]))


def _network(facts: Mapping[str, Any]) -> str:
    return networks.title(facts["network"]) if facts["network"] else "all together"


def _strikes(number: int) -> str:
    return {0: "a warning", 1: "one strike"}.get(number, f"{number} strikes")


_TELL: dict[str, Callable[[Mapping[str, Any], _Shops], tuple[str, str]]] = {
    "status": lambda facts, _: (
        words.status("creator", facts["status"]).kind,
        f"{words.status('creator', facts['status']).word}" + (f": {facts['why']}." if facts["why"] else "."),
    ),
    "eligibility": _said_eligibility,
    "followers": lambda facts, _: ("info", f"{count(facts['count'])} followers, {_network(facts)}."),
    "handle": lambda facts, _: ("info", f"@{facts['handle']} on {_network(facts)}."),
    "handle_ended": lambda facts, _: ("idle", f"@{facts['handle']} on {_network(facts)} given up."),
    "country": lambda facts, _: ("info", f"In {facts['country']} from then on."),
    "breach": lambda facts, _: (
        "warn",
        f"Breach recorded, {_strikes(facts['strikes'])}: {facts['rule']}.",
    ),
    "breach_appealed": lambda facts, _: ("info", f"Appeal against a breach: {facts['rule']}."),
    "breach_decided": lambda facts, _: (
        "good" if facts["decision"] == "lifted" else "idle",
        f"Breach {'lifted' if facts['decision'] == 'lifted' else 'upheld'}: {facts['rule']}.",
    ),
    "frozen": lambda facts, _: ("hold", f"Money frozen: {facts['why']}."),
    "freeze_ended": lambda facts, _: (
        "idle",
        {"end_date": "Freeze over: released on its date.", "lifted": "Freeze lifted.",
         "forfeited": "Frozen money forfeited."}.get(facts["how"], "Freeze ended."),
    ),
    "took_up": lambda facts, shops: ("info", f"Took up a product of {_shop(facts, shops)}."),
    "removed": lambda facts, shops: ("idle", f"Removed a product of {_shop(facts, shops)}."),
    "agreed": lambda facts, shops: (
        "good", f"Agreed with {_shop(facts, shops)}, version {facts['version']}.",
    ),
    "sample": _said_sample,
    "payout": _said_payout,
    "payee": lambda facts, _: ("warn", f"Payment details changed, version {facts['number']}."),
}  # fmt: skip


def _views(
    creator_id: str, only: str, days: int, found: history.Timeline
) -> list[tuple[str, str, int | None, bool]]:  # fmt: skip
    def url(**more: Any) -> str:
        return url_for(".creator_timeline", creator_id=creator_id, days=days if days != USUAL else None, **more)

    every = sum(found.counts.values())
    views: list[tuple[str, str, int | None, bool]] = [("All", url(), every, not only)]
    views += [(WORDS[group], url(only=group), found.counts[group], only == group) for group in history.GROUPS]
    return views


def _spans(creator_id: str, only: str, days: int) -> list[tuple[str, str, None, bool]]:
    return [
        (word, url_for(".creator_timeline", creator_id=creator_id, only=only or None, days=span), None, span == days)
        for span, word in history.SPANS.items()
    ]
