"""A small world to attribute in: a shop on a platform of its own, creators, touches, orders that carry tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from connector.commerce.catalog import take
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.queries import facts
from connector.commerce.orders.record import apply
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.config import Settings
from connector.db import Database, Scope, new_id
from connector.earnings.attribution import journeys, touches
from connector.earnings.attribution.credit import credit_lines
from connector.earnings.attribution.rules import Decision
from connector.earnings.attribution.tables import Touch
from connector.events import Buyer, Carrier, Line, OrderSnapshot, Product, Variant
from connector.platforms import roster
from connector.platforms.contract import Carrying, CartLine, Client, Platform
from connector.programme.collaborations import terms
from connector.programme.creators import register

OPENED = datetime(2026, 10, 1, tzinfo=UTC)
PLACED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = "connector_touch"


class _Checkout:
    """A store that keeps cart attributes, line properties and the landing page, as its orders show them."""

    carriers = (
        Carrying(
            "cart_attribute", frozenset({"permalink", "storefront_cart"}), "Attributes", "express checkouts", "Keep it."
        ),
        Carrying("landing_page", frozenset({"permalink", "landing"}), "Landing page", "redirects", "Keep the query."),
    )
    hosts = frozenset({"pay.plain.example"})
    made: list[str] = []  # tokens of carts made at the store; a test may put an error in front

    def cart_link(
        self, domain: str, lines: Sequence[CartLine], token: str, settings: Any, *, landing: str = "", code: str = ""
    ) -> str:
        cart = ",".join(f"{line.variant_ref}:{line.quantity}" for line in lines)
        query = {KEY: token, "ref": token} | ({"discount": code} if code else {})
        return f"https://{domain}/cart/{cart}?{urlencode(query)}"

    def landing_link(self, domain: str, url: str, token: str, settings: Any, *, code: str = "") -> str:
        return f"{url}?{urlencode({'ref': token})}"

    def make_cart(self, client: Client, lines: Sequence[CartLine], token: str, *, code: str = "") -> str:
        self.made.append(token)
        return f"https://{client.domain}/checkouts/cn/{token}"

    def may_make_carts(self, scopes: Sequence[str]) -> bool:
        return "write_carts" in scopes

    def variant_link(self, url: str, variant_ref: str) -> str:
        return f"{url}?variant={variant_ref}"

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        found = []
        for carrier in snapshot.carriers:
            if carrier.kind == "landing_page":
                found += [(value, "landing_page") for name, value in parse_qsl(carrier.value) if name == "ref"]
            elif carrier.name == KEY:
                found.append((carrier.value, carrier.kind))
        return found


class _Settings(BaseSettings):
    pass


def put_on_roster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform called `plain`, whose only part is the checkout."""
    none = SimpleNamespace()
    plain = Platform(
        "plain", "Plain", frozenset({"cart_links"}), _Settings,
        authorize=none, catalog=none, orders=none, webhooks=none, checkout=_Checkout(),  # type: ignore[arg-type]
    )  # fmt: skip
    monkeypatch.setattr(roster, "platforms", lambda: {"plain": plain})
    roster.settings_of.cache_clear()


def product(ref: str, *variants: str, price: int = 2000, **changes: Any) -> Product:
    rows = tuple(
        Variant(variant_ref=v, price=price, title=v, position=n) for n, v in enumerate(variants or (f"{ref}1",))
    )
    return Product(
        product_ref=ref, title=changes.pop("title", f"Product {ref}"), status="active", currency="EUR", variants=rows,
        url=f"https://one.plain.example/products/{ref}", **changes,
    )  # fmt: skip


@dataclass
class World:
    database: Database
    shop_id: str = ""
    creators: dict[str, str] = field(default_factory=dict)

    def begin(self) -> World:
        """A shop that sells A and B at 10 %, and the creators x and y."""
        with self.database.write(Scope.system("test")) as session:
            shop = add_shop(session, "one.plain.example")
            self.shop_id = shop.id
            terms.open_terms(session, shop.id, 1000, starts_at=OPENED, by="test", now=OPENED)
            take.apply_products(session, shop, [product("A"), product("B")], "run", OPENED)
            for handle in ("x", "y"):
                self.creators[handle] = register.register(session, handle, handle.upper(), 1200, OPENED).id
        return self

    def tap(
        self, handle: str, product_ref: str = "A", at: datetime = PLACED - DAY, *, buyer: str | None = None,
        heard: datetime | None = None, shop_id: str | None = None, **changes: Any,
    ) -> Touch:  # fmt: skip
        tapped = touches.Tapped(
            shop_id or self.shop_id, self.creators[handle], f"lst_{product_ref}", product_ref, **changes
        )
        with self.database.write(Scope.app()) as session:
            return touches.record(
                session,
                tapped,
                kind="video",
                journey=journeys.of_buyer(buyer) if buyer else None,
                at=at,
                now=heard or at,
            )

    def order(
        self, touched: Iterable[Touch | str] = (), *, ref: str = "7001", lines: str = "A", at: datetime = PLACED,
        customer: str | None = None, heard: datetime | None = None, **changes: Any,
    ) -> dict[str, Decision]:  # fmt: skip
        """Take in a version of an order with these tokens as cart attributes, and evaluate it at `heard`."""
        carriers = tuple(
            Carrier("cart_attribute", token if isinstance(token, str) else token.token, KEY) for token in touched
        )
        whole = OrderSnapshot(**{
            "order_ref": ref, "number": f"#{ref}", "created_at": at, "changed_at": changes.pop("changed_at", at),
            "currency": "EUR", "payment_status": "paid", "taxes_included": False,
            "lines": tuple(Line(str(n + 1), 1, 1, 2000, product_ref=p) for n, p in enumerate(lines)),
            "carriers": carriers, **changes,
        })  # fmt: skip
        with self.database.write(Scope.shop(self.shop_id)) as session:
            shop = session.get_one(Shop, self.shop_id)
            applied = apply(
                session, shop, whole, triggered_at=whole.changed_at, source="read:test", buyer=Buyer(customer)
            )
            return credit_lines(session, shop, applied.order, facts(applied.order), heard or at)

    def look(self, ref: str = "7001", *, at: datetime) -> dict[str, Decision]:
        """Evaluate again what is known, at `at`."""
        with self.database.write(Scope.shop(self.shop_id)) as session:
            shop = session.get_one(Shop, self.shop_id)
            order = session.query(Order).filter_by(shop_id=self.shop_id, order_ref=ref).one()
            return credit_lines(session, shop, order, facts(order), at)


def add_shop(session: Any, domain: str) -> Shop:
    shop = Shop(
        id=new_id("shp"), platform="plain", domain=domain, name=domain, currency="EUR", installed_at=OPENED,
        created_at=OPENED, status="connected", storefront_url=f"https://{domain}",
    )  # fmt: skip
    session.add(shop)
    session.flush()
    return shop


def as_facts(known: OrderFacts, **changes: Any) -> OrderFacts:
    return msgspec.structs.replace(known, **changes)


def app_settings(**changes: Any) -> Settings:
    """Settings of a development server, whatever the machine's environment says."""
    plain: dict[str, Any] = {
        "env": "dev", "public_url": "http://127.0.0.1:8080", "sealing_keys": SecretStr("unused"),
        "hash_key": SecretStr("h" * 32), "session_key": SecretStr("s" * 32), "log_level": "error",
    }  # fmt: skip
    return Settings(**{**plain, **changes}, _env_file=None)
