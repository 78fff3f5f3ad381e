"""A payout calendar in a creator's words: what each part waits for, a day where one is promised, and none elsewhere."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from connector.db import Database
from connector.earnings.settlement.periods import Period, period
from connector.faces.studio import calendar
from connector.operations.payout_calendar import Calendar, Part, ShopSays, State
from tests.conftest import wired
from tests.settlement.books import utc
from tests.web.conftest import settings

NOW = utc("2026-11-20")
NOVEMBER, OCTOBER = period("2026-11", "UTC"), period("2026-10", "UTC")
SHOP = ShopSays("shp_1", "Harbour & Pine", ZoneInfo("UTC"), gated=True, minimum=2500, being_closed=False,
                next_period=NOVEMBER)  # fmt: skip


def part(
    state: State, waits_for: str, until: str = "", last: str = "", *, period: Period | None = None, missing: int = 0
) -> Part:
    first = utc(until) if until else None
    return Part("shp_1", "EUR", state, waits_for, 1200, first, utc(last) if last else first, period, missing)


WAITS, THEN = "Waits for the payment of \u2068Harbour & Pine\u2069", "Then the app pays it in its next round"
SAID = [
    (part("in_transit", "payout_sent", "2026-11-18"), "On its way to your account, since 18 Nov 2026"),
    (part("in_transit", "payout_prepared", "2026-11-18"), "A payout is made of it, since 18 Nov 2026; it leaves next"),
    (part("settled", "next_round"), "The app pays in its next round; no day is set for that"),
    (part("settled", "unfunded", "2026-12-05"), f"{WAITS}, which is due 5 Dec 2026. {THEN}"),
    (part("settled", "unfunded", "2026-11-05", "2026-11-19"),
     f"{WAITS}, which was due between 5 Nov 2026 and 19 Nov 2026. {THEN}"),
    (part("settled", "unfunded"), f"{WAITS}. {THEN}"),
    (part("settled", "below_minimum", missing=1300),
     "Below the least amount that is paid: €13.00 are missing. It is carried forward until it is reached"),
    (part("settled", "negative_balance"), "More came back than was earned since: new earnings cover it first"),
    (part("settled", "payee_held", "2026-11-23T14:02"),
     "Your new payment details are held for three days, until 23 Nov 2026, 14:02:00 UTC. The app pays in its "
     "next round; no day is set for that"),
    (part("settled", "payee_missing"), "Tell us where to pay you"),
    (part("settled", "freeze", "2026-12-18"), "Frozen until 18 Dec 2026, unless it ends earlier"),
    (part("settled", "being_closed"), "The shop's period is being closed; you are paid when that is done"),
    (part("reserve", "reserve", "2026-12-01", period=NOVEMBER),
     "Kept for late returns until 1 Dec 2026; then it goes into the statement for November 2026"),
    (part("cleared", "next_statement", period=NOVEMBER),
     "Goes into the statement for November 2026; that period ends 30 Nov 2026"),
    (part("cleared", "next_statement", period=OCTOBER),
     "Goes into the statement for October 2026: that time is over, and the app closes it next; no day is set for that"),
    (part("pending", "hold", "2026-11-28", period=NOVEMBER),
     "Clears 28 Nov 2026, and goes into the statement for November 2026"),
    (part("pending", "hold", "2026-11-28", "2026-12-04"), "Clears between 28 Nov 2026 and 4 Dec 2026"),
    (part("pending", "clearing"), "The hold is over. The shop's store is asked once more, then it clears"),
    (part("pending", "waits_for_delivery_signal"), "Waits until the shop sends it"),
    (part("pending", "return"), "A return is open"),
]  # fmt: skip


def test_every_part_says_what_it_waits_for(sqlite_database: Database) -> None:
    found = Calendar(NOW, [], {"shp_1": SHOP})
    with wired(settings()).test_request_context("/studio/earnings"):
        for each, said in SAID:
            line = calendar.line(each, found)
            assert line.said == said
            told = [at for at in (each.first_at, each.last_at) if at is not None]
            ends = [each.period.ends_at] if each.period else []
            assert _days(line.said) <= {_day(at) for at in (*told, *ends)} | ({"30 Nov 2026"} if ends else set()), (
                "made up"
            )
            waits_for_statement = each.state in ("cleared", "pending") and each.waits_for in (
                "hold", "clearing", "next_statement",
            )  # fmt: skip
            assert line.then == ("Then it waits for the shop's payment" if waits_for_statement else "")
        assert calendar.terms(SHOP, "EUR", NOW) == [
            "Its period November 2026 ends 30 Nov 2026, and is closed some time after.",
            "What is in a statement is paid once the shop has paid the app.",
            "At least €25.00 are paid at a time, of all shops together.",
        ]


def _days(said: str) -> set[str]:
    return set(re.findall(r"\d+ [A-Z][a-z]{2} \d{4}", said))


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"


@pytest.mark.parametrize("several", [True, False])
def test_parts_of_several_shops_name_none(sqlite_database: Database, several: bool) -> None:
    other = "shp_2" if several else "shp_1"
    parts = [part("pending", "hold", "2026-11-28", period=NOVEMBER),
             Part(other, "EUR", "pending", "hold", 50, utc("2026-11-29"), utc("2026-11-29"), NOVEMBER)]  # fmt: skip
    found = Calendar(NOW, parts, {"shp_1": SHOP, "shp_2": SHOP})
    with wired(settings()).test_request_context("/studio/earnings"):
        (line,) = calendar.in_sum(found)
    assert line.part.amount == 1250
    assert line.said == "Clears between 28 Nov 2026 and 29 Nov 2026" + (
        "" if several else ", and goes into the statement for November 2026"
    )
