"""When a creator's money that is in sight can be paid, in their words: in sum under Earnings, by shop on its own page.

A day is said only where a fact or a setting promises it; what depends on when the app closes a period or makes a
payout says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import g, url_for

from connector import clock, db
from connector.db import Scope
from connector.earnings.settlement.periods import Period
from connector.faces.studio.face import blueprint
from connector.operations import payout_calendar
from connector.operations.documents.sheet import span
from connector.operations.payout_calendar import Calendar, Part, ShopSays
from connector.web import moments, words
from connector.web.amounts import plain
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.words import Badge, Kind, paid_to

ROUND = "The app pays in its next round; no day is set for that"
_CLEARED: tuple[Kind, str] = ("good", "Cleared")
_COUNTED: tuple[Kind, str] = ("info", "Counted")  # a bonus: it has no hold
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Line:
    """A part in words: what state it is in, what it waits for, and where the creator can do something about it."""

    part: Part
    badge: Badge
    said: str
    then: str = ""
    url: str = ""  # of the page where it can be mended or read more about
    link: str = ""


@blueprint.get("/earnings/calendar")
@creator
def payout_days() -> str:
    found = read()
    shops = [
        (
            found.shops[shop_id], currency, terms(found.shops[shop_id], currency, found.as_of),
            [replace(line(each, found), then="") for each in found.of(shop_id, currency)],
        )
        for shop_id, currency in dict.fromkeys((part.shop_id, part.currency) for part in found.parts)
    ]  # fmt: skip
    return page(
        "studio/calendar.html", shops=shops, found=found, goes_to=found.payee, paid_to=paid_to, whole=_whole(shops),
        style="code" if len(found.currencies) > 1 else "symbol",
    )  # fmt: skip


def read() -> Calendar:
    """This creator's, in one moment; its days are those of the page's zone."""
    with db.snapshot(Scope.creator(g.creator_id)) as session:
        return payout_calendar.read(session, g.creator_id, clock.now(), moments.zone())


def in_sum(found: Calendar) -> list[Line]:
    """Of all shops together, what waits for the same in one line."""
    return [line(each, found) for each in payout_calendar.together(found.parts)]


def terms(shop: ShopSays, currency: str, as_of: datetime) -> list[str]:
    """How a shop's money is paid, in a few sentences."""
    said = []
    if shop.being_closed:
        said.append("A period is being closed now.")
    elif shop.next_period is not None and shop.next_period.ends_at <= as_of:
        said.append(f"{period_words(shop.next_period, shop)} is over and isn't closed yet.")
    elif shop.next_period is not None:
        last = _last_day(shop.next_period, shop)
        said.append(f"Its period {period_words(shop.next_period, shop)} ends {last}, and is closed some time after.")
    said.append(
        "What is in a statement is paid once the shop has paid the app."
        if shop.gated
        else "What is in a statement is paid without waiting for the shop's payment."
    )
    if shop.minimum:
        said.append(f"At least {plain(shop.minimum, currency)} are paid at a time, of all shops together.")
    return said


def line(part: Part, found: Calendar) -> Line:
    """One part in words. Pure but for the page's zone and addresses."""
    shop = found.shops.get(part.shop_id)
    made = _of_state(part, shop, found.as_of)
    waits = bool(shop.gated) if shop else any(each.gated for each in found.shops.values())
    if made.then == "statement":
        gate = "Then it waits for the shop's payment" if waits else "Then the app pays it in its next round"
        return replace(made, then=gate)
    return made


def _of_state(part: Part, shop: ShopSays | None, as_of: datetime) -> Line:
    if part.waits_for == "freeze":
        until = f" until {moments.day(part.last_at)}, unless it ends earlier" if part.last_at else ""
        return _line(part, "hold", "Frozen", f"Frozen{until}", ".freezes", "Read why, and explain")
    if part.waits_for == "being_closed":
        return _line(part, "info", "In closing", words.reason(part.waits_for, "creator"))
    if part.state == "in_transit":
        return _under_way(part)
    if part.state == "settled":
        return _settled(part, shop, as_of)
    if part.state == "reserve":
        return _line(
            part,
            "info",
            "In reserve",
            f"Kept for late returns {_kept(part)}; then it goes into {_statement(part, shop)}",
        )
    if part.waits_for == "next_statement":
        return _for_statement(part, shop, as_of)
    return _pending(part, shop)


def _under_way(part: Part) -> Line:
    if part.waits_for == "rail_did_not_answer":
        return _line(part, "warn", "Being asked", words.reason(part.waits_for, "creator"), ".payee", "Your payouts")
    sent = part.waits_for == "payout_sent"
    since = f", since {moments.day(part.first_at)}" if part.first_at else ""
    said = f"On its way to your account{since}" if sent else f"A payout is made of it{since}; it leaves next"
    return _line(part, "good", "On its way", said, ".payee", "Your payouts")


def _settled(part: Part, shop: ShopSays | None, as_of: datetime) -> Line:
    code = part.waits_for
    if code == "next_round":
        return _line(part, "good", "Can be paid now", ROUND)
    if code == "unfunded":
        whose = f"the payment of \u2068{shop.name}\u2069" if shop else "the shop's payment"
        due = ""
        if part.last_at is not None:  # the day as it stands on the invoice
            day = _when(part, shop.zone if shop else None)
            due = f", which {'was' if part.last_at < as_of else 'is'} due {day}"
        said = f"Waits for {whose}{due}. Then the app pays it in its next round"
        return _line(part, "warn", "Unfunded", said)
    if code == "below_minimum":
        missing = f": {plain(part.missing, part.currency)} are missing" if part.missing else ""
        said = f"Below the least amount that is paid{missing}. It is carried forward until it is reached"
        return _line(part, "idle", "Carried forward", said)
    if code == "negative_balance":
        return _line(
            part, "idle", "Carried forward", "More came back than was earned since: new earnings cover it first"
        )
    if code == "payee_held":
        until = f", until {moments.full(part.last_at)}" if part.last_at else ""
        said = f"{words.reason(code, 'creator')}{until}. {ROUND}"
        return _line(part, "hold", "Held", said, ".payee", "Payments")
    if code.startswith("payee_"):
        return _line(part, "warn", "Needs you", words.reason(code, "creator"), ".payee", "Payments")
    return _line(part, "warn", "Set aside", words.reason(code, "creator"))


def _for_statement(part: Part, shop: ShopSays | None, as_of: datetime) -> Line:
    """What has cleared, and what is counted with a period: the next statement has it."""
    if part.period is None:
        said = "Goes into the shop's next statements" if shop else "Goes into the next statements of these shops"
    elif part.period.ends_at <= as_of:
        said = (
            f"Goes into {_statement(part, shop)}: that time is over, and the app closes it next; no day is set for that"
        )
    else:
        said = f"Goes into {_statement(part, shop)}; that period ends {_last_day(part.period, shop)}"
    kind, word = _CLEARED if part.state == "cleared" else _COUNTED
    return _line(part, kind, word, said, then="statement")


def _pending(part: Part, shop: ShopSays | None) -> Line:
    if part.waits_for == "hold":
        into = f", and goes into {_statement(part, shop)}" if part.period else ""
        return _line(part, "info", "On hold", f"Clears {_when(part)}{into}", then="statement")
    if part.waits_for == "clearing":
        said = "The hold is over. The shop's store is asked once more, then it clears"
        return _line(part, "info", "On hold", said, then="statement")
    held = part.waits_for in ("frozen_review", "dispute", "refund_amount_unknown")
    return _line(
        part, "hold" if held else "info", "Frozen" if held else "On hold", words.reason(part.waits_for, "creator")
    )


def _line(
    part: Part, kind: Kind, word: str, said: str, endpoint: str = "", link: str = "", *, then: str = ""
) -> Line:  # fmt: skip
    return Line(part, Badge(kind, word), said, then, url_for(endpoint) if endpoint else "", link)


def _when(part: Part, zone: ZoneInfo | None = None) -> str:
    """`4 Dec 2026`, or `between 28 Nov 2026 and 4 Dec 2026` of several; in the page's zone, or another."""
    if part.first_at is None or part.last_at is None:
        return ""
    first, last = (
        moments.date_words(at.astimezone(zone or moments.zone()).date()) for at in (part.first_at, part.last_at)
    )
    return first if first == last else f"between {first} and {last}"


def _kept(part: Part) -> str:
    said = _when(part)
    return f"until {said}" if not said.startswith("between") else f"until days {said}"


def _statement(part: Part, shop: ShopSays | None) -> str:
    if part.period is None or shop is None:
        return "the shop's next statement"
    return f"the statement for {period_words(part.period, shop)}"


def period_words(period: Period, shop: ShopSays) -> str:
    """`November 2026` of a month, else its first and last day."""
    if found := _MONTH.fullmatch(period.name):
        return moments.month_words(date(int(found[1]), int(found[2]), 1))
    return span(period.starts_at, period.ends_at, shop.zone)


def _last_day(period: Period, shop: ShopSays | None) -> str:
    zone = shop.zone if shop is not None else moments.zone()
    return span(period.ends_at - payout_calendar.TICK, period.ends_at, zone).partition(" to ")[0]


def _whole(shops: Iterable[tuple[ShopSays, str, list[str], list[Line]]]) -> dict[tuple[str, str], int]:
    """(shop, currency) → what is in sight there."""
    return {(shop.id, currency): sum(each.part.amount for each in lines) for shop, currency, _, lines in shops}
