"""Products of a stand-in shop: a seeded generator that streams, and the edits that a merchant makes.

A product document holds what the merchant entered; its variants are documents of their own. Prices are minor units.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Iterator
from typing import Any

from sandbox.store.money import decimal_text, exponent, to_minor
from sandbox.store.state import Doc, State

MATERIALS = ["Linen", "Oak", "Stoneware", "Wool", "Cotton", "Brass", "Cork", "Glass", "Felt", "Walnut", "Hemp", "Steel"]
THINGS = [
    "Throw",
    "Mug",
    "Tray",
    "Lamp",
    "Tote",
    "Runner",
    "Bowl",
    "Apron",
    "Vase",
    "Cushion",
    "Stool",
    "Candle",
    "Jug",
]
MOODS = [
    "Quiet",
    "Morning",
    "Harbour",
    "Autumn",
    "North",
    "Garden",
    "Little",
    "Long",
    "Salt",
    "Amber",
    "Field",
    "Tidal",
]
VENDORS = ["Harbour & Pine", "Studio Sand", "Oak Street", "Fjord Works", "Casa Luz", "Blue Kiln"]
COLOURS = [
    "Sage",
    "Clay",
    "Ink",
    "Bone",
    "Rust",
    "Moss",
    "Sky",
    "Plum",
    "Sand",
    "Coal",
    "Rose",
    "Teal",
    "Wheat",
    "Mist",
]
SIZES = ["XS", "S", "M", "L", "XL", "XXL", "One"]
# Of Shopify's taxonomy; most merchants leave most of it empty.
CATEGORIES = {
    "Mug": ("hg-11-10-5-5", "Home & Garden > Kitchen & Dining > Tableware > Drinkware > Mugs"),
    "Cushion": ("hg-3-10", "Home & Garden > Decor > Chair & Sofa Cushions"),
}
MOST_VARIANTS = 2048  # Shopify's limit since 2025-10-15

# Titles that break careless pages: markup, entities, scripts, emoji, right-to-left, an unbroken word.
ODD_TITLES = [
    "<script>alert('title')</script> Mug",
    'Tray <b>"large"</b> & <i>round</i>',
    "Lampe d'été — n° 5 &amp; more",
    "كوب خزفي",
    "แก้วเซรามิก 🎁",
    '=HYPERLINK("http://example.com","Throw")',
    "Donau" + "dampfschiff" * 9,
]


def ean(number: int) -> str:
    """A 13-digit trade item number made of an id, with its check digit."""
    digits = f"40{number % 10**10:010d}"
    total = sum((3 if place % 2 else 1) * int(digit) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def category(thing: str) -> Doc | None:
    found = CATEGORIES.get(thing)
    return None if found is None else {"id": f"gid://shopify/TaxonomyCategory/{found[0]}", "full_name": found[1]}


def available(variant: Doc) -> bool:
    """Shopify's availableForSale: untracked, or sold on when empty, or in stock."""
    return not variant["tracked"] or variant["inventory_policy"] == "CONTINUE" or variant["inventory_quantity"] > 0


def price_text(variant: Doc, currency: str) -> str:
    """The price as a scalar Money. `price_override` is a text that does not fit the currency (a bad item)."""
    override: str | None = variant.get("price_override")
    return override if override is not None else decimal_text(variant["price"], currency)


def handle_of(title: str, product_id: int) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "product"
    return f"{slug}-{product_id % 1_000_000}"


def _prices(currency: str, rng: random.Random) -> int:
    """A price a shop would ask, in minor units: 5 to 200 of a dollar-like unit, 500 to 20,000 yen, 1.5 to 60 dinars."""
    digits = exponent(currency)
    if digits == 0:
        return rng.randrange(50, 2000) * 10
    if digits == 3:
        return rng.randrange(300, 12000) * 5
    return rng.randrange(10, 400) * 50 - rng.choice([0, 1, 5])


def generate(
    state: State,
    shop: Doc,
    count: int,
    *,
    seed: int,
    now: str,
    variants_each: int | None = None,
    large: int = 0,
    largest: bool = False,
    bad: dict[str, int] | None = None,
    one_number: bool = False,
) -> Iterator[tuple[Doc, list[Doc]]]:
    """Stream `count` products with their variants, the same for the same seed (ids apart).

    Shape:  `large` of them have 120 to 400 variants, `largest` makes one of 2,048; the others have 1 to 6, or
            exactly `variants_each`. `bad` asks for oddities by number: html_title, price_decimals (a price with more
            decimals than the currency has), no_image, draft, archived, unlisted, gift_card, sold_out.
    """
    rng = random.Random(f"products/{seed}/{shop['name']}")
    oddities = [kind for kind, number in sorted((bad or {}).items()) for _ in range(number)]
    spots = dict(zip(rng.sample(range(count), min(count, len(oddities))), oddities, strict=False))
    free = rng.sample([index for index in range(count) if index not in spots], min(count, large + int(largest)))
    big = {index: MOST_VARIANTS if largest and n == 0 else rng.randrange(120, 400) for n, index in enumerate(free)}
    for start in range(0, count, 200):
        numbers = range(start, min(start + 200, count))
        sizes = [big.get(n) or variants_each or rng.choice([1, 1, 1, 2, 2, 3, 4, 6]) for n in numbers]
        with state.writing():
            product_id = state.next_id("product", len(numbers))
            variant_id = state.next_id("variant", sum(sizes))
            item_id = state.next_id("inventory_item", sum(sizes))
            media_id = state.next_id("media", len(numbers))
            option_id = state.next_id("option", 3 * len(numbers))
        for offset, number in enumerate(numbers):
            made = _one(
                shop, rng, number, sizes[offset], spots.get(number), now,
                (product_id + offset, variant_id, item_id, media_id + offset, option_id + 3 * offset),
            )  # fmt: skip
            if one_number and sizes[offset] == 1:
                made[1][0]["id"] = made[0]["id"]
            yield made
            variant_id += sizes[offset]
            item_id += sizes[offset]


def _one(
    shop: Doc, rng: random.Random, number: int, size: int, oddity: str | None, now: str, ids: tuple[int, ...]
) -> tuple[Doc, list[Doc]]:
    product_id, variant_id, item_id, media_id, option_id = ids
    title = f"{rng.choice(MOODS)} {rng.choice(MATERIALS)} {rng.choice(THINGS)}"
    if oddity == "html_title":
        title = ODD_TITLES[number % len(ODD_TITLES)]
    options, combinations = _options(size)
    status = {"draft": "DRAFT", "archived": "ARCHIVED", "unlisted": "UNLISTED"}.get(oddity or "", "ACTIVE")
    product: Doc = {
        "id": product_id,
        "title": title,
        "handle": handle_of(title, product_id),
        "vendor": rng.choice(VENDORS),
        "product_type": title.split()[-1] if oddity != "html_title" else "Odd",
        "tags": sorted(rng.sample(["gift", "home", "new", "kitchen", "handmade", "sale"], rng.randrange(0, 3))),
        "status": status,
        "description_html": f"<p>{html.escape(title)}, made in small batches.</p>",
        "is_gift_card": oddity == "gift_card",
        "category": category(title.split()[-1]) if oddity != "html_title" else None,
        "metafields": {"custom.brand": "North & Tide"} if number % 9 == 4 else {},
        "options": [
            {"id": option_id + position, "name": name, "values": values}
            for position, (name, values) in enumerate(options)
        ],
        "media": [] if oddity == "no_image" else [{"id": media_id, "alt": title, "width": 1200, "height": 1200}],
        "created_at": now,
        "updated_at": now,
        "published_at": now if status == "ACTIVE" else None,
    }
    price = _prices(shop["currency"], rng)
    step = price // 20 // 5 * 5
    on_sale = rng.random() < 0.2
    variants: list[Doc] = []
    for index, values in enumerate(combinations):
        cost = price + (step * (index % 4) if size > 1 else 0)
        variant: Doc = {
            "id": variant_id + index,
            "product_id": product_id,
            "title": " / ".join(values) if size > 1 else "Default Title",
            "options": values,
            "sku": f"SKU-{product_id % 10_000_000}-{index + 1}",
            "barcode": ean(variant_id + index) if number % 3 else None,
            "position": index + 1,
            "price": cost,
            "compare_at_price": cost + cost // 5 // 5 * 5 if on_sale else None,
            "taxable": oddity != "gift_card",
            "inventory_policy": "CONTINUE" if rng.random() < 0.1 else "DENY",
            "inventory_quantity": 0 if oddity == "sold_out" or rng.random() < 0.05 else rng.randrange(20, 500),
            "tracked": oddity != "gift_card",
            "requires_shipping": oddity != "gift_card",
            "grams": rng.randrange(1, 40) * 50,
            "inventory_item_id": item_id + index,
            "created_at": now,
            "updated_at": now,
        }
        if oddity == "sold_out":
            variant["inventory_policy"] = "DENY"
        if oddity == "price_decimals":
            variant["price_override"] = (
                f"{decimal_text(cost, shop['currency'])}{'.5' if exponent(shop['currency']) == 0 else '7'}"
            )
        variants.append(variant)
    return product, variants


def _options(size: int) -> tuple[list[tuple[str, list[str]]], list[list[str]]]:
    """Options and the value combinations of a product with `size` variants."""
    if size == 1:
        return [("Title", ["Default Title"])], [["Default Title"]]
    if size <= len(COLOURS):
        values = COLOURS[:size]
        return [("Color", values)], [[value] for value in values]
    if size <= len(COLOURS) * len(SIZES):
        pairs = [[colour, measure] for colour in COLOURS for measure in SIZES][:size]
        return [("Color", _used(pairs, 0)), ("Size", _used(pairs, 1))], pairs
    patterns = [f"No. {number}" for number in range(1, size // (len(COLOURS) * len(SIZES)) + 2)]
    triples = [[colour, measure, pattern] for pattern in patterns for colour in COLOURS for measure in SIZES][:size]
    return [("Color", _used(triples, 0)), ("Size", _used(triples, 1)), ("Pattern", _used(triples, 2))], triples


def _used(rows: list[list[str]], column: int) -> list[str]:
    return list(dict.fromkeys(row[column] for row in rows))


PRODUCT_FIELDS = (
    "title", "handle", "vendor", "product_type", "tags", "status", "description_html", "is_gift_card", "category",
    "metafields", "off_channel",
)  # fmt: skip


def create(state: State, shop: Doc, wanted: dict[str, Any], now: str, *, one_number: bool = False) -> Doc:
    """A product as a merchant enters it: title, price, and for several variants `variants: [{title, price, sku, …}]`.

    Returns the stored product. Raises AmountRefused for a price that does not fit the shop's currency.
    """
    rows: list[dict[str, Any]] = wanted.get("variants") or [{}]
    with state.writing():
        product_id = state.next_id("product")
        title = str(wanted.get("title", "New product"))
        status = str(wanted.get("status", "ACTIVE")).upper()
        single = len(rows) == 1 and "title" not in rows[0]
        names = (
            ["Default Title"] if single else [str(row.get("title", f"Variant {n}")) for n, row in enumerate(rows, 1)]
        )
        product: Doc = {
            "id": product_id,
            "title": title,
            "handle": str(wanted.get("handle") or handle_of(title, product_id)),
            "vendor": str(wanted.get("vendor", shop["title"])),
            "product_type": str(wanted.get("product_type", "")),
            "tags": list(wanted.get("tags", [])),
            "status": status,
            "description_html": str(wanted.get("description_html", f"<p>{html.escape(title)}</p>")),
            "is_gift_card": bool(wanted.get("is_gift_card", False)),
            "category": wanted.get("category"),
            "metafields": dict(wanted.get("metafields", {})),
            "options": [
                {"id": state.next_id("option"), "name": "Title" if single else "Kind", "values": names},
            ],
            "media": [{"id": state.next_id("media"), "alt": title, "width": 1200, "height": 1200}]
            if wanted.get("image", True)
            else [],
            "created_at": now,
            "updated_at": now,
            "published_at": now if status == "ACTIVE" else None,
        }
        variants = [
            _entered_variant(state, shop, product, {**wanted, **row}, names[n], n + 1, now)
            for n, row in enumerate(rows)
        ]
        if one_number and single:
            variants[0]["id"] = product_id
        state.put_products(shop["name"], [(product, variants)])
    return product


def _entered_variant(
    state: State, shop: Doc, product: Doc, row: dict[str, Any], name: str, position: int, now: str
) -> Doc:
    compare = row.get("compare_at_price")
    variant: Doc = {
        "id": state.next_id("variant"),
        "product_id": product["id"],
        "title": name,
        "options": [name],
        "sku": str(row.get("sku", f"SKU-{product['id'] % 10_000_000}-{position}")),
        "barcode": row.get("barcode"),
        "metafields": dict(row.get("metafields", {})),
        "position": position,
        "price": to_minor(row.get("price", 10), shop["currency"]),
        "compare_at_price": None if compare is None else to_minor(compare, shop["currency"]),
        "taxable": bool(row.get("taxable", not product["is_gift_card"])),
        "inventory_policy": str(row.get("inventory_policy", "DENY")).upper(),
        "inventory_quantity": int(row.get("inventory_quantity", 100)),
        "tracked": bool(row.get("tracked", not product["is_gift_card"])),
        "requires_shipping": bool(row.get("requires_shipping", not product["is_gift_card"])),
        "grams": int(row.get("grams", 200)),
        "inventory_item_id": state.next_id("inventory_item"),
        "created_at": now,
        "updated_at": now,
    }
    if "price_override" in row:
        variant["price_override"] = str(row["price_override"])
    return variant


def edit(state: State, shop: Doc, product_id: int, changes: dict[str, Any], now: str) -> Doc:
    """Change fields of a product; `price`, `compare_at_price`, `inventory_quantity`, `inventory_policy`, `sku` go to
    every variant, or to one with `variants: [{id, …}]`; `remove_variants: [id]` takes variants away."""
    with state.writing():
        product = state.product(shop["name"], product_id)
        variants = state.variants(product_id)
        for field in PRODUCT_FIELDS:
            if field in changes:
                product[field] = changes[field]
        product["status"] = str(product["status"]).upper()
        if product["status"] == "ACTIVE" and product["published_at"] is None:
            product["published_at"] = now
        by_id = {int(row["id"]): row for row in changes.get("variants", [])}
        gone = {int(variant_id) for variant_id in changes.get("remove_variants", [])}
        kept: list[Doc] = []
        for variant in variants:
            if variant["id"] in gone:
                continue
            asked = {**changes, **by_id.get(variant["id"], {})} if not by_id else by_id.get(variant["id"], {})
            if _change_variant(variant, asked, shop["currency"]):
                variant["updated_at"] = now
            kept.append(variant)
        for position, variant in enumerate(kept, 1):
            variant["position"] = position
        product["updated_at"] = max(now, product["updated_at"])
        state.put_products(shop["name"], [(product, kept)])
    return product


def _change_variant(variant: Doc, asked: dict[str, Any], currency: str) -> bool:
    before = dict(variant)
    if "price" in asked:
        variant["price"] = to_minor(asked["price"], currency)
        variant.pop("price_override", None)
    if "price_override" in asked:
        variant["price_override"] = str(asked["price_override"])
    if "compare_at_price" in asked:
        compare = asked["compare_at_price"]
        variant["compare_at_price"] = None if compare is None else to_minor(compare, currency)
    if "inventory_quantity" in asked:
        variant["inventory_quantity"] = int(asked["inventory_quantity"])
    if "inventory_policy" in asked:
        variant["inventory_policy"] = str(asked["inventory_policy"]).upper()
    for field in ("sku", "barcode", "tracked", "taxable"):
        if field in asked:
            variant[field] = asked[field]
    return variant != before
