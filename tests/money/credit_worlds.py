"""Worlds to credit in, as plain values: touches, codes, plans and promotions around one order, edges drawn on purpose.

A seed gives a world; `tests.money.reference_credit` reads it as it is, and `tests.money.given` hands it to the product.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from tests.money.builders import PLACED

Plain = dict[str, Any]
CREATORS = ("crt_x", "crt_y", "crt_z")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
# How far before a moment something lies: the edges of the protection among them.
_APART = (
    timedelta(0), SECOND, DAY, 5 * DAY, 20 * DAY, 30 * DAY - SECOND, 30 * DAY, 30 * DAY + SECOND, 31 * DAY, 70 * DAY,
)  # fmt: skip
_WINDOWS = (7 * DAY, 14 * DAY, 30 * timedelta(minutes=1))
_RATES = (800, 1000, 1200, 1500, 1501, 1800)
_CODE_RATES = ({"ANN10": 2200}, {"*": 300}, {"BEN": 900, "*": 1300})
CODES = ("ANN10", "ann-vip", "Ben", "Spring")


def random_world(seed: int, lines: list[Plain], placed: datetime = PLACED) -> Plain:
    """`lines`: {ref, product, codes} of the order. Codes among `CODES` are the creators' or, now and then, nobody's."""
    chance = random.Random(seed)
    products = sorted({line["product"] for line in lines})
    order: Plain = {
        "placed": placed,
        "grace": chance.choice((24, 24, 0, 72)) * timedelta(hours=1),
        "left": chance.random() < 0.02,
        "settings": {
            "code_policy": chance.choice(("always", "always", "if_involved", "if_winner")),
            "indirect": chance.choice((0, 1)),
            "indirect_share_bp": chance.choice((5000, 3333, 10000, 0)),
            "cart_carry_days": chance.choice((0, 0, 30, 90)),
            "lifetime": chance.choice((0, 1)),
            "inherit": chance.choice((0, 0, 1)),
        },
        "bound": chance.choice((None, None, *CREATORS)),
        "matches": {creator: chance.choice(("hard", "soft")) for creator in CREATORS if chance.random() < 0.06},
        "statuses": {creator: "suspended" for creator in CREATORS if chance.random() < 0.08},
        "manual": {line["ref"]: chance.choice(CREATORS) for line in lines if chance.random() < 0.04},
        "forged": chance.random() < 0.05,
        "returning": chance.choice((None, None, True, False)),
    }
    touches = [_touch(chance, order, products, number) for number in range(chance.choice((0, 1, 2, 2, 3, 4, 6)))]
    _carts(chance, touches)
    moments = [placed, *(touch["at"] for touch in touches)]
    plans = _plans(chance, products, moments)
    plans += _events(chance, products, moments)
    changes = [plan["starts"] for plan in plans] or [placed]
    return {
        "order": order,
        "lines": lines,
        "touches": touches,
        "codes": _codes(chance, placed),
        "plans": plans,
        "promotions": [
            _promotion(chance, creator, product, changes, moments)
            for creator in CREATORS
            for product in products
            if chance.random() < 0.7
        ],
    }


def _touch(chance: random.Random, order: Plain, products: list[str], number: int) -> Plain:
    placed = order["placed"]
    window = chance.choice(_WINDOWS)
    kind = chance.choice(("link", "video", "live", "ad"))
    at = placed - chance.choice(
        (
            SECOND,
            3 * SECOND,
            60 * SECOND,
            DAY,
            2 * DAY,
            6 * DAY,
            window - SECOND,
            window,
            window,
            window + SECOND,
            40 * DAY,
        )
    )
    touch: Plain = {
        "id": f"tch_{chance.randrange(10**6):06}{number}", "creator": chance.choice(CREATORS), "content": None,
        "product": chance.choice([*products, *products, "p99"]), "kind": kind, "at": at, "received": at,
        "window": window, "ad": kind == "ad", "invalid": "", "missed": "",
    }  # fmt: skip
    if kind != "link":
        touch["content"] = f"cnt_{touch['creator'][4:]}{chance.randrange(3)}"
    # One thing wrong at most: the page doesn't say which of two wrongs is named.
    wrong = chance.random()
    if wrong < 0.06:
        touch["at"] = touch["received"] = placed + chance.choice((SECOND, DAY))
    elif at + window >= placed:
        if wrong < 0.12:
            touch["received"] = placed + order["grace"] + chance.choice((SECOND, DAY))
        elif wrong < 0.16:
            touch["received"] = placed + order["grace"]
        elif wrong < 0.22:
            touch["invalid"] = "over_rate"
        elif wrong < 0.30:
            touch["missed"] = "followers_below_minimum"
    return touch


def _carts(chance: random.Random, touches: list[Plain]) -> None:
    """Some taps went on to the cart: a touch of kind cart, by the same creator on the same product."""
    for touch in list(touches):
        if chance.random() < 0.15 and not touch["invalid"]:
            at = touch["at"] + chance.choice((SECOND, DAY, touch["window"], touch["window"] + SECOND))
            added = {**touch, "id": touch["id"] + "c", "kind": "cart", "ad": False, "at": at, "missed": ""}
            added["received"] = max(at, touch["received"]) if touch["received"] > touch["at"] else at
            touches.append(added)


def _codes(chance: random.Random, placed: datetime) -> list[Plain]:
    found = []
    for text in CODES:
        if chance.random() < 0.7:
            leak = chance.choice((None, None, None, placed - DAY, placed - SECOND, placed + SECOND))
            ends = chance.choice((None, None, placed - SECOND, placed, placed + SECOND))
            starts = chance.choice((placed - 50 * DAY, placed - 50 * DAY, placed + SECOND, placed))
            if ends is not None and ends <= starts:
                ends = None
            found.append(
                {"text": text, "creator": chance.choice(CREATORS), "starts": starts, "ends": ends, "leaked_at": leak}
            )
    return found


def _plans(chance: random.Random, products: list[str], moments: list[datetime]) -> list[Plain]:
    scopes: list[tuple[str, str | None, str]] = [("store", None, ""), ("open", None, "")]
    scopes += [("open", None, product) for product in products if chance.random() < 0.5]
    scopes += [
        ("targeted", creator, chance.choice(products)) for creator in CREATORS if products and chance.random() < 0.4
    ]
    found: list[Plain] = []
    for kind, creator, product in scopes:
        if chance.random() < 0.3:
            continue
        starts = sorted({chance.choice(moments) - chance.choice(_APART) for _ in range(chance.choice((1, 2, 2, 3)))})
        if chance.random() < 0.7:
            starts[0] = min(moments) - 80 * DAY
        for number, start in enumerate(starts, 1):
            withdrawn = number > 1 and kind != "targeted" and chance.random() < 0.12
            following = starts[number] if number < len(starts) else None
            ends = None
            if kind == "targeted" and chance.random() < 0.5:
                ends = start + chance.choice((DAY, 10 * DAY, 29 * DAY))
                ends = min(ends, following) if following is not None else ends
            found.append(
                {
                    "id": f"trm_{kind}{(creator or '')[4:]}{product}.{number}", "kind": kind, "creator": creator,
                    "product": product, "rate": None if withdrawn else chance.choice(_RATES),
                    "ads": None if withdrawn or chance.random() < 0.7 else chance.choice((500, 1000, 1600)),
                    "new": None if withdrawn or chance.random() < 0.8 else chance.choice((700, 1100, 2000)),
                    "codes": {} if withdrawn or chance.random() < 0.85 else chance.choice(_CODE_RATES),
                    "starts": start, "ends": ends, "number": number,
                }
            )  # fmt: skip
    return found


def _events(chance: random.Random, products: list[str], moments: list[datetime]) -> list[Plain]:
    """Now and then an event, of a product or of the whole shop, around a tap or the order itself: its edges too."""
    found: list[Plain] = []
    for product in ("", *products):
        if chance.random() < 0.15:
            starts = chance.choice(moments) - chance.choice((timedelta(0), SECOND, DAY, 5 * DAY))
            ends = starts + chance.choice((SECOND, DAY, 5 * DAY, 20 * DAY))
            found.append(
                {
                    "id": f"trm_event{product}.1", "kind": "event", "creator": None, "product": product,
                    "rate": chance.choice(_RATES), "ads": chance.choice((None, None, 600)), "new": None, "codes": {},
                    "starts": starts, "ends": ends, "number": 1,
                }
            )  # fmt: skip
    return found


def _promotion(
    chance: random.Random, creator: str, product: str, changes: list[datetime], moments: list[datetime]
) -> Plain:
    since = chance.choice(changes) - chance.choice((-SECOND, timedelta(0), SECOND, SECOND, DAY, 10 * DAY, 60 * DAY))
    until = None if chance.random() < 0.7 else chance.choice(moments) + chance.choice((-DAY, -SECOND, SECOND, DAY))
    if until is not None and until <= since:
        until = None
    return {"creator": creator, "product": product, "since": since, "until": until}
