"""A small market: two shops, some forty products in several scripts, indexed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from connector import db
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.events import Product, Variant
from connector.insight.market import index
from connector.insight.market.search import Asked, Found, search
from connector.programme.collaborations import terms

SYSTEM = Scope.system("test")
GTIN = "4006381333931"
THEN = datetime(2026, 10, 1, tzinfo=UTC)


@dataclass
class Market:
    database: Database

    def shop(self, shop_id: str, currency: str = "EUR") -> None:
        with self.database.write(SYSTEM) as session:
            session.add(
                Shop(
                    id=shop_id, platform="plain", domain=f"{shop_id}.example", name=f"Shop {shop_id}",
                    currency=currency, installed_at=THEN, created_at=THEN, status="connected",
                )
            )  # fmt: skip

    def put(self, *products: Product, shop: str = "one") -> None:
        with self.database.write(SYSTEM) as session:
            take.apply_products(session, session.get_one(Shop, shop), products, "run")

    def offer(self, rate_bp: int, product_ref: str = "", shop: str = "one", **when: Any) -> None:
        with self.database.write(SYSTEM) as session:
            terms.open_terms(session, shop, rate_bp, product_ref=product_ref, by="test", **when)

    def find(self, text: str = "", **asked: Any) -> list[str]:
        """Titles, best first."""
        return [row.title for row in self.found(text, **asked).listings]

    def found(self, text: str = "", *, cursor: Any = None, limit: int = 50, facets: Any = (), **asked: Any) -> Found:
        with db.read(Scope.app()) as session:
            return search(session, Asked(text, **asked), cursor=cursor, limit=limit, facets=facets)

    def follow(self) -> int:
        return index.follow(wait_for_syncs=False)

    def id(self, ref: str, shop: str = "one") -> str:
        return listing_id(shop, ref)


def product(ref: str, title: str, price: int = 2_000, **more: Any) -> Product:
    options = more.pop("options", ())
    made = tuple(
        Variant(
            f"{ref}-{n}", price, title=value, available=more.get("available", True), position=n,
            options=(("Kind", value),),
        )
        for n, value in enumerate(options)
    ) or (
        Variant(
            f"{ref}-0", price, title="Default", sku=more.pop("sku", ""), gtin=more.pop("gtin", ""),
            barcode=more.pop("barcode", ""), available=more.get("available", True),
        ),
    )  # fmt: skip
    more.pop("available", None)
    return Product(
        product_ref=ref, title=title, status="active", currency=more.pop("currency", "EUR"), variants=made, **more
    )


CATALOG = (
    product("1", "Linen throw, sage", 6_100, vendor="Harbour & Pine", category="Throws", tags=("bedroom", "gift")),
    product("2", "Linen throw, sage, with a hem stitched twice", 6_900, vendor="Harbour & Pine", category="Throws"),
    product("3", "Throw pillow", 2_900, vendor="Nordlys", category="Pillows"),
    product("4", "Stoneware mug", 1_850, vendor="Kiln", category="Mugs", options=("Clay", "Moss")),
    product("5", "Stoneware mug, large", 2_450, vendor="Kiln", category="Mugs"),
    product("6", "Set of six mugs", 9_900, vendor="Kiln", category="Mugs"),
    product("7", "Table runner", 3_400, vendor="Harbour & Pine", category="Table linen"),
    product("8", "Runner's table lamp", 7_700, vendor="Lumen", category="Lamps"),
    product("9", "Tablecloth, natural flax", 5_400, vendor="Harbour & Pine", category="Table linen"),
    product("10", "Crème brûlée dishes", 2_200, vendor="Petit Four", category="Dishes"),
    product("11", "Émile Henry baking dish", 4_800, vendor="Émile Henry", category="Dishes"),
    product("12", "Łódź poster", 1_500, vendor="Plakaty", category="Posters"),
    product("13", "Smørrebrød board", 3_900, vendor="Nordlys", category="Boards"),
    product("14", "Große Schüssel", 4_100, vendor="Töpferei Öhl", category="Schüsseln"),
    product("15", "T-shirt, washed black", 2_500, vendor="Plain", category="Shirts", options=("Small", "Medium")),
    product("16", "Men's merino jumper", 8_900, vendor="Plain", category="Knitwear"),
    product("17", "Waterproof rain jacket", 12_900, vendor="Fjell", category="Jackets"),
    product("18", "Headphones, wireless", 14_900, vendor="Sonora", category="Audio", sku="SN-4471", gtin=GTIN),
    product("19", "Wireless charger", 3_900, vendor="Sonora", category="Audio", sku="SN-9001"),
    product("20", "深煎りブレンド 200g", 1_980, vendor="北野珈琲", category="コーヒー"),
    product("21", "浅煎りブレンド 200g", 1_980, vendor="北野珈琲", category="コーヒー"),
    product("22", "煎茶 やぶきた", 1_200, vendor="茶舗", category="お茶"),
    product("23", "عطر العود", 12_500, vendor="سوق الليل", category="عطور"),
    product("24", "Шерстяной плед", 5_600, vendor="Плед и Ко", category="Пледы"),
    product("25", "Oak bookshelf", 24_900, vendor="Holz", category="Shelves", description="<p>No <b>walnut</b></p>"),
    product("26", "Walnut bookshelf", 29_900, vendor="Holz", category="Shelves"),
    product("27", "Bread knife", 4_500, vendor="Solingen", category="Knives", description="For sourdough loaves."),
    product("28", "Candle, cedar &amp; smoke", 2_400, vendor="Wick", category="Candles"),
    product("29", "Scented candle", 2_600, vendor="Wick", category="Candles", available=False),
    product("30", "Necklace", 5_200, vendor="Aurum", category="Jewellery", tags=("gold", "gift")),
    product("31", "Boxes for storage", 1_900, vendor="Holz", category="Storage"),
    product("32", "Garden chair", 6_600, vendor="Holz", category="Chairs", description="Pairs with our linen cushion."),
    product("33", "Cushion, linen", 3_300, vendor="Harbour & Pine", category="Pillows"),
)  # fmt: skip


@pytest.fixture
def empty(database: Database) -> Market:
    made = Market(database)
    made.shop("one")
    return made


@pytest.fixture
def market(empty: Market) -> Market:
    empty.offer(1_500)
    empty.put(*CATALOG)
    empty.follow()
    return empty
