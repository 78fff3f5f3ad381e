"""An item in the words of a channel: names of fields, units, limits, availability.

A channel's fields are a dict from its own names to texts, in the order of its file; what was cut or taken out on the
way is told. Whether the result holds is judged elsewhere (`validator.py`), by rules that are data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Literal

from connector import money
from connector.errors import MoneyRefused
from connector.insight.feeds import availability, text
from connector.insight.feeds.findings import Finding
from connector.insight.feeds.items import Item

Channel = Literal["google", "meta", "tiktok"]
Fields = dict[str, str]

# What each channel reads; the first is the default.
FORMATS: dict[str, tuple[str, ...]] = {"google": ("rss", "atom", "tsv"), "meta": ("csv", "rss"), "tiktok": ("csv",)}
# Several addresses in one field: XML repeats the element, a table parts them by commas.
REPEATED = "additional_image_link"

_DETAILS = ("color", "size", "material", "pattern", "gender", "age_group")
_GOOGLE = (
    "id", "item_group_id", "title", "description", "link", "image_link", REPEATED, "availability", "price",
    "sale_price", "condition", "brand", "gtin", "mpn", "google_product_category", "product_type", *_DETAILS,
)  # fmt: skip
COLUMNS: dict[str, tuple[str, ...]] = {
    "google": _GOOGLE,
    "meta": _GOOGLE,
    "tiktok": ("sku_id", *_GOOGLE[1:]),
}


class Wording:
    """Collects what is done to an item's texts."""

    def __init__(self, channel: str, found: tuple[Finding, ...]) -> None:
        self.channel = channel
        self.found: list[Finding] = list(found)

    def warn(self, code: str, field: str, detail: str = "") -> None:
        self.found.append(Finding("warning", code, field, detail[:200]))

    def text(self, field: str, value: str, limit: int, *, cut: str = "text_cut") -> str:
        """One line of plain text within the limit, without a sign in front that a spreadsheet would calculate with."""
        line = text.plain(value)
        bare = text.defused(line)
        if bare != line:
            self.warn("sign_removed", field, line[:40])
        short = text.cut(bare, limit)
        if short != bare:
            self.warn(cut, field, f"{len(bare)} characters, {limit} are taken")
        return short


def fields(channel: str, item: Item) -> tuple[Fields, list[Finding]]:
    """The item's fields in the order of COLUMNS, empty ones left out, and what was found on the way."""
    wording = Wording(channel, item.found)
    made = _CHANNELS[channel](item, wording)
    return {name: made[name] for name in COLUMNS[channel] if made.get(name)}, wording.found


def google(item: Item, wording: Wording) -> Fields:
    made = _shared(item, wording, title=150, description=5000, brand=70, link=2000)
    state = item.availability
    if state == "backorder":
        # Google refuses it without a date, and the store sells the item now.
        wording.warn("backorder_undated", "availability")
        state = "in_stock"
    return made | {"id": item.item_id, "availability": availability.GOOGLE[state]}


def meta(item: Item, wording: Wording) -> Fields:
    made = _shared(item, wording, title=200, description=9999, brand=100, link=2000)
    return made | {"id": item.item_id, "availability": availability.META[item.availability]}


def tiktok(item: Item, wording: Wording) -> Fields:
    """No emoji, no control or format characters, no promotional words in the title."""
    made = _shared(item, wording, title=150, description=5000, brand=100, link=2000)
    for name, value in list(made.items()):
        if name in ("link", "image_link", REPEATED):
            continue
        bare = text.without_emoji(value)
        if text.holds_emoji(value):
            wording.warn("emoji_removed", name)
        made[name] = text.defused(bare)
    bare = text.without_words(made["title"], promotional())
    if bare != made["title"]:
        taken = ", ".join(sorted({found.group(0).lower() for found in promotional().finditer(made["title"])}))
        wording.warn("promotion_removed", "title", taken)
    return made | {
        "title": text.defused(bare),
        "sku_id": item.item_id,
        "availability": availability.TIKTOK[item.availability],
    }


_CHANNELS: dict[str, Callable[[Item, Wording], Fields]] = {"google": google, "meta": meta, "tiktok": tiktok}


def _shared(item: Item, wording: Wording, *, title: int, description: int, brand: int, link: int) -> Fields:
    named = wording.text("title", item.title, title, cut="title_cut")
    told = wording.text("description", item.description, description, cut="description_cut")
    if not told:
        wording.warn("description_missing", "description")
    images = ",".join(image for image in item.more_images if "," not in image and len(image) <= link)
    return {
        "item_group_id": item.group_id,
        "title": named,
        "description": told or named,
        "link": item.link,
        "image_link": item.image,
        REPEATED: images,
        **_prices(item),
        "condition": item.condition,
        "brand": wording.text("brand", item.brand, brand),
        "gtin": item.gtin,
        "mpn": wording.text("mpn", item.mpn, 70),
        "google_product_category": item.category,
        "product_type": wording.text("product_type", item.product_type, 750),
        **{name: wording.text(name, item.details.get(name, ""), 100) for name in _DETAILS},
    }


def _prices(item: Item) -> Fields:
    """`12.34 USD`, `3980 JPY`; a sale price only where it is below what was asked before."""
    before = item.compare_at if item.compare_at is not None and item.compare_at > item.price else None
    try:
        asked = f"{money.text(item.price, item.currency)} {item.currency}"
        if before is None:
            return {"price": asked}
        return {"price": f"{money.text(before, item.currency)} {item.currency}", "sale_price": asked}
    except MoneyRefused:
        return {}


@cache
def promotional() -> re.Pattern[str]:
    """The phrases that TikTok names or that mean the same, in several languages (`data/promotional.json`)."""
    table = json.loads((files("connector.insight.feeds") / "data" / "promotional.json").read_text(encoding="utf-8"))
    words = sorted({word for phrases in table["phrases"].values() for word in phrases}, key=lambda w: (-len(w), w))
    spaced = "|".join(re.escape(word).replace(r"\ ", r"[\s\-]+") for word in words)
    return re.compile(
        rf"(?<!\w)(?:{spaced}|\d{{1,2}}\s*%\s*(?:off|rabatt|de réduction|de descuento|di sconto))(?!\w)", re.I
    )
