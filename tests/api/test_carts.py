"""An app cart with goods of several stores: a touch a line, a checkout link a store, and each creator paid theirs."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connector import outbound, vault
from connector.commerce.catalog import ids, take
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import GrantRow
from connector.db import Scope
from connector.earnings.attribution.tables import Touch
from connector.earnings.ledger import queries as ledger
from connector.errors import PlatformDown
from connector.faces.api import books
from connector.platforms import roster
from tests.api.conftest import Api
from tests.attribution.world import KEY, PLACED, World, add_shop, product

ALL = Scope.system("test")
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def two(world: World) -> str:
    """A second store; the first sells A and B, this one C."""
    with world.database.write(ALL) as session:
        shop = add_shop(session, "two.plain.example")
        take.apply_products(session, shop, [product("C"), product("D")], "run", PLACED)
        return shop.id


def asked(world: World, two: str, *wanted: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Lines of (creator's handle, product)."""
    shop_of = {"A": world.shop_id, "B": world.shop_id, "C": two, "D": two}
    lines = [
        {"creator_id": world.creators[who], "listing_id": ids.listing_id(shop_of[what], what)} for who, what in wanted
    ]
    return {"lines": lines, **more}


def able(monkeypatch: pytest.MonkeyPatch, *capabilities: str) -> Any:
    plain = dataclasses.replace(roster.platform("plain"), capabilities=frozenset(capabilities))
    monkeypatch.setattr(roster, "platforms", lambda: {"plain": plain})
    return plain


def touches(world: World) -> list[Touch]:
    with world.database.read(ALL) as session:
        found = session.query(Touch).order_by(Touch.id).all()
        session.expunge_all()
        return found


def test_one_link_a_store_and_each_creator_theirs(api: Api, world: World, two: str) -> None:
    wanted = asked(world, two, ("x", "A"), ("y", "C"), ("y", "B"), ("x", "D"), buyer="u-1")
    wanted["lines"][0]["quantity"] = 2
    made = api.post("/carts", wanted, Idempotency_Key="cart-1")
    one, other = made["stores"]
    assert (one["shop_id"], one["lines"], one["apart"], one["way"]) == (world.shop_id, [0, 2], [], "permalink")
    assert (other["shop_id"], other["lines"], other["problem"]) == (two, [1, 3], None)
    assert urlsplit(one["checkout_link"]).path == "/cart/A1:2,B1:1"
    tokens = [line["touch"]["token"] for line in made["lines"]]
    assert parse_qs(urlsplit(one["checkout_link"]).query)[KEY] == [tokens[2]]
    again = api.post("/carts", wanted, Idempotency_Key="cart-1")
    assert [line["touch"]["token"] for line in again["lines"]] == tokens
    assert len(touches(world)) == 4
    assert not any(touch.flags for touch in touches(world)), "a full cart is no flood"
    # The order carries one token of two; the other touch comes along by the journey, and each line is its creator's.
    decided = world.order([tokens[2]], lines="AB")
    assert [decided[ref].creator_id for ref in ("1", "2")] == [world.creators["x"], world.creators["y"]]
    assert {decided[ref].credit_reason for ref in ("1", "2")} == {"last_click_direct"}


def test_without_a_buyer_the_cart_is_the_journey_and_a_tie_goes_to_the_later_line(
    api: Api, world: World, two: str
) -> None:
    wanted = asked(world, two, ("x", "A"), ("y", "A"), ("x", "B"))
    made = api.post("/carts", wanted, Idempotency_Key="cart-2")
    assert {touch.journey for touch in touches(world)} == {touches(world)[0].journey}
    api.post("/carts", wanted, Idempotency_Key="cart-2")
    assert len(touches(world)) == 3
    api.post("/carts", wanted)
    assert len({touch.journey for touch in touches(world)}) == 2
    decided = world.order([made["lines"][2]["touch"]["token"]], lines="AB")
    assert [decided[ref].creator_id for ref in ("1", "2")] == [world.creators["y"], world.creators["x"]]


@ON_SQLITE
def test_a_line_that_is_sold_out_is_named_and_the_others_go_on(api: Api, world: World, two: str) -> None:
    with world.database.write(ALL) as session:
        for ref, shop_id in (("C", two), ("B", world.shop_id)):
            listing = session.get_one(Listing, ids.listing_id(shop_id, ref))
            listing.status, listing.reason = "not_shoppable", "sold_out"
    made = api.post("/carts", asked(world, two, ("x", "A"), ("y", "C"), ("y", "B")))
    one, other = made["stores"]
    assert (one["lines"], other["checkout_link"], other["problem"]) == ([0], None, "It is sold out.")
    assert [line["problem"] for line in made["lines"]] == [None, "It is sold out.", "It is sold out."]
    assert len(touches(world)) == 1, "what can't be bought earns nobody anything"


@ON_SQLITE
def test_a_store_whose_cart_breaks_leaves_the_others_alone(
    api: Api, world: World, two: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = type(roster.platform("plain").checkout).cart_link

    def breaks(self: Any, domain: str, *given: Any, **more: Any) -> str:
        if domain == "one.plain.example":
            raise ValueError("nobody thought of this")
        return links(self, domain, *given, **more)

    monkeypatch.setattr(type(roster.platform("plain").checkout), "cart_link", breaks)
    one, other = api.post("/carts", asked(world, two, ("x", "A"), ("y", "C")))["stores"]
    assert (one["checkout_link"], other["problem"]) == (None, None)
    assert one["problem"].startswith("The store can't be reached just now")
    assert other["checkout_link"]


MIXES: tuple[tuple[tuple[str, ...], str, bool, str | None, list[int]], ...] = (
    (("storefront_carts", "cart_links"), "write_carts", False, "storefront_cart", [0, 1]),
    (("storefront_carts", "cart_links"), "write_carts", True, "permalink", [0, 1]),
    (("storefront_carts", "cart_links"), "", False, "permalink", [0, 1]),
    (("storefront_carts", "landing_links"), "write_carts", True, "landing", [1]),
    (("landing_links",), "", False, "landing", [1]),
    (("storefront_carts",), "write_carts", True, None, []),
)


@ON_SQLITE
def test_every_mix_of_ways(api: Api, world: World, two: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "current", lambda: None)
    carts: list[Any] = []
    away: list[bool] = []

    def make(_self: Any, client: Any, lines: Any, token: str, *, code: str = "") -> str:
        if away[-1]:
            raise PlatformDown("slow")
        carts.append((client.domain, [(line.variant_ref, line.token) for line in lines], token))
        return f"https://{client.domain}/checkouts/cn/{token}"

    monkeypatch.setattr(type(roster.platform("plain").checkout), "make_cart", make)
    with world.database.write(ALL) as session:
        session.add(
            GrantRow(
                shop_id=world.shop_id, access_sealed=vault.current().seal("key"), refresh_sealed=None,
                previous_refresh_sealed=None, scopes="", scopes_at=None, expires_at=None, refresh_expires_at=None,
                generation=1, renewed_at=PLACED, lease_owner=None, lease_until=None,
            )
        )  # fmt: skip
    for mix in MIXES:
        capabilities, scopes, down, way, brought = mix
        able(monkeypatch, *capabilities)
        away.append(down)
        with world.database.write(ALL) as session:
            session.get_one(GrantRow, world.shop_id).scopes = scopes
        made = api.post("/carts", asked(world, two, ("x", "A"), ("y", "B")))
        (store,) = made["stores"]
        tokens = [line["touch"]["token"] for line in made["lines"]]
        assert (store["way"], store["lines"]) == (way, brought), mix
        assert store["apart"] == ([0] if way == "landing" else []), mix
        assert (store["problem"] is None) == (way is not None), mix
        if way == "storefront_cart":
            assert carts == [("one.plain.example", [("A1", tokens[0]), ("B1", tokens[1])], tokens[1])]
        if way == "landing":
            assert tokens[1] in store["checkout_link"]
        for token, line in zip(tokens, made["lines"], strict=True):
            assert token in line["landing_link"]
        if way is not None:
            assert {touch.way for touch in touches(world)[-2:]} == {way}, mix


def test_what_can_t_be_taken_is_named_by_its_line(api: Api, world: World, two: str) -> None:
    wanted = asked(world, two, ("x", "A"), ("y", "C"))
    for change, status, field in (
        ({"listing_id": None}, 422, "lines[1].listing_id"), ({"link_code": "AAAA"}, 422, "lines[1].link_code"),
        ({"listing_id": "lst_none"}, 404, None), ({"quantity": 0}, 422, None),
    ):  # fmt: skip
        bent = {**wanted, "lines": [wanted["lines"][0], {**wanted["lines"][1], **change}]}
        answer = api.send("POST", "/carts", bent)
        assert answer.status_code == status, answer.text
        if field:
            assert answer.json["field"] == field
        assert "1" in answer.json["detail"]
    assert api.send("POST", "/carts", {"lines": []}).status_code == 422
    assert api.send("POST", "/carts", wanted, secret=api.token("listings:read")).status_code == 403
    api.post("/carts", wanted, Idempotency_Key="k")
    swapped = {"lines": [wanted["lines"][1], wanted["lines"][0]]}
    assert api.send("POST", "/carts", swapped, Idempotency_Key="k").status_code == 409
    assert len(touches(world)) == 2


def test_a_creator_has_one_balance_a_currency_over_all_shops() -> None:
    def balance(shop_id: str, currency: str, pending: int, cleared: int) -> ledger.Balance:
        return ledger.Balance(shop_id, "crt_x", currency, pending=pending, cleared=cleared)

    rows = [balance("one", "EUR", 700, 30), balance("two", "EUR", -100, 5), balance("two", "JPY", 637, 0)]
    euro, yen = books._account(rows)
    assert (euro.currency, euro.shops, euro.pending.amount, euro.cleared.decimal) == ("EUR", 2, 600, "0.35")
    assert (yen.currency, yen.shops, yen.pending.amount, yen.pending.decimal) == ("JPY", 1, 637, "637")
