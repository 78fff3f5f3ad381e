"""The studio over both databases: a creator reads what is theirs, and nothing of anybody else's."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.access import studio
from connector.commerce.catalog.ids import listing_id
from connector.commerce.orders.tables import Order
from connector.db import Database, Scope
from connector.earnings.attribution import links
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger.sums import Beside
from connector.earnings.settlement import funding
from connector.faces.studio.earnings import called
from connector.faces.studio.earnings import told as told_of
from connector.faces.studio.face import PLACES
from connector.operations import earned, trace_audience
from connector.programme.content import attach
from connector.programme.creators import payees
from tests.attribution.world import DAY, PLACED, World
from tests.conftest import wired
from tests.operations.days import CLOSING, DELIVERED, hear, parcel, pay, settle, told
from tests.web.conftest import settings as web_settings

APP = Scope.app()
PARTS = "multipart/form-data"


def a_life(world: World) -> None:
    """#7001: X brings A and is paid; Y touched A earlier. #7002: Y alone. #7003: cancelled. Nobody touched B."""
    early = world.tap("y", "A", PLACED - 5 * DAY, buyer="b")
    touch = world.tap("x", "A", buyer="b")
    hear(world, [early.token, touch.token])
    hear(world, [early.token, touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    hear(world, [world.tap("y", "A").token], ref="7002")
    hear(world, [world.tap("x", "A").token], ref="7003", cancelled_at=PLACED)
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING + DAY)


def order_id(world: World, ref: str = "7001") -> str:
    with world.database.read(APP) as session:
        return str(session.query(Order.id).filter_by(order_ref=ref).scalar())


@pytest.fixture
def enter(world: World) -> Callable[[str], FlaskClient]:
    app: Flask = wired(web_settings())

    def go(handle: str) -> FlaskClient:
        client = app.test_client()
        with world.database.write(APP) as session:
            token, _ = studio.link(session, world.creators[handle], by="test")
        path = f"/studio/sign-in/link/{token}"
        found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
        assert found
        assert client.post(path, data={"csrf_token": found.group(1)}).status_code == 303
        return client

    return go


def main(html: str) -> str:
    """What is the page's own: forms around it carry tokens that change every second."""
    return html.split("<main")[1].split("</main>")[0]


def pages(client: FlaskClient, world: World, ids: dict[str, str]) -> dict[str, Any]:
    """Every GET route of the studio, with these ids in it → its answer."""
    found = {}
    for rule in client.application.url_map.iter_rules():
        if not rule.endpoint.startswith("studio.") or "GET" not in (rule.methods or ()) or "sign-in" in rule.rule:
            continue
        values = {name: ids.get(name, "x") for name in rule.arguments}
        values |= {"kind": "csv"} if "kind" in rule.arguments else {}
        path = rule.build(values)[1]  # type: ignore[index]
        found[path] = client.get(path)
    return found


def test_a_creator_sees_their_own_and_nobody_elses(world: World, enter: Callable[[str], FlaskClient]) -> None:
    a_life(world)
    with world.database.read(APP) as session:
        from connector.earnings.settlement.tables import Statement

        statements = {row.creator_id: row.id for row in session.query(Statement)}
    with world.database.write(APP) as session:
        link_id = links.create(session, world.creators["x"], listing_id(world.shop_id, "A")).id
        content_id = attach.ensure(session, world.creators["x"], "app", "v1", "video", "A corner").id
    x_ids = {
        "order_id": order_id(world), "statement_id": statements[world.creators["x"]], "link_id": link_id,
        "content_id": content_id,
    }  # fmt: skip
    x, y = enter("x"), enter("y")
    for path, answer in pages(x, world, x_ids).items():
        # An id that nobody made here is nobody's: that page has a test beside its room.
        assert answer.status_code == (404 if "x" in path.split("/") else 200), path
        if answer.mimetype == "text/html":
            assert len(re.findall(r"<h1[ >]", answer.text)) == 1, path
            assert re.search(r"\sstyle\s*=|\son[a-z]+\s*=", answer.text) is None, path
            assert "Y" not in re.sub(r"<[^>]+>", "", main(answer.text)).split(), path
    span = f"since={PLACED.date()}&until={PLACED.date()}"
    report, orders = (
        list(csv.DictReader(io.StringIO(x.get(f"/studio/sales/{name}.csv?by=product&{span}").text)))
        for name in ("report", "orders")
    )
    for column in ("sales", "net_sales", "earned"):
        assert sum(Decimal(row[column]) for row in orders) == sum(Decimal(row[column]) for row in report) > 0
    assert {row["buyer"] for row in orders} == {row["orders_new_buyers"] for row in report} == {""}, "nobody's buyers"
    assert "/studio/sales/orders.csv" in x.get(f"/studio/sales/orders?{span}").text
    # the other creator, with the first one's ids: their own pages, and nothing of the first one's money
    theirs = pages(y, world, x_ids)
    assert {answer.status_code for path, answer in theirs.items() if link_id in path} == {404}
    assert any("/studio/statements/" in path and answer.status_code == 404 for path, answer in theirs.items())
    for path, answer in theirs.items():
        assert answer.status_code in (200, 404), path
        assert world.creators["x"] not in answer.text, path
        if path.endswith(x_ids["order_id"]):
            # Y's tap was on it: the reason, and no figure of X's
            assert "You earn nothing on this order" in answer.text
            assert "A later tap by someone else came before the sale" in answer.text
            for figure in ("4.00", "40.00", "10.00", "2026-12"):
                assert figure not in main(answer.text), figure
    nobody = x.application.test_client()
    for path in pages(nobody, world, x_ids):
        assert nobody.get(path).headers["Location"].startswith("/studio/sign-in"), path


def test_payment_details_by_either_kind_of_form_and_ten_changes_a_day(
    world: World, enter: Callable[[str], FlaskClient]
) -> None:
    """As browsers send a form, and in parts; a file in a field's place is an empty field; the eleventh change waits."""
    client = enter("x")
    where = "/studio/payments"

    def form(**typed: Any) -> dict[str, Any]:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(where).text)
        assert token
        return {"csrf_token": token.group(1), "name": "X", "country": "GB", "routing": "200000", **typed}

    as_file = client.post(where, data=form(account=(io.BytesIO(b"12345678"), "account.txt")))
    assert (as_file.status_code, "There is a problem" in as_file.text) == (200, True)
    assert client.post(where, data={"name": "X", "account": "12345678"}, content_type=PARTS).status_code == 400
    for number in range(payees.MOST_A_DAY):
        kind = (PARTS, "application/x-www-form-urlencoded")[number % 2]
        assert client.post(where, data=form(account=f"1234567{number}"), content_type=kind).status_code == 303
    refused = client.post(where, data=form(account="87654321"), content_type=PARTS)
    assert refused.status_code == 200
    assert "changed too often today: try again tomorrow. Nothing was changed." in refused.text
    assert "87654321" in refused.text, "what was typed is kept"
    with world.database.read(APP) as session:
        versions = payees.of(session, world.creators["x"])
        assert [payees.opened(row).account[-1] for row in versions] == [str(each) for each in range(10)]
    for said in ("The change is refused", "no change of payment details waits"):
        client.post(f"{where}/refuse", data=form(), content_type=PARTS)
        assert said in client.get(where).text.replace("No change", "no change")


def test_a_line_says_what_was_taken_back_of_it() -> None:
    line = earned.Line(
        "ord_1", "#1", "Harbour", PLACED, "EUR", "1", "Vase", "A corner", "video", 400, 400, 0, "paid",
        "last_click_direct",
    )  # fmt: skip
    assert told_of(line) == "Your video brought this sale"
    assert told_of(replace(line, reversed=150, due=250)) == "Your video brought this sale; EUR\u00a01.50 was taken back"
    gone = replace(line, reversed=400, due=0, state="reversed")
    assert told_of(gone) == "Your video brought this sale; all of EUR\u00a04.00 was taken back"


def test_why_an_order_paid_nothing(world: World, enter: Callable[[str], FlaskClient]) -> None:
    a_life(world)
    y = enter("y")
    assert y.get("/studio/orders?q=7001").headers["Location"] == f"/studio/orders/{order_id(world)}"
    none, hidden = y.get("/studio/orders?q=9999"), y.get("/studio/orders?q=7003")
    # an order that isn't there, and one that is somebody else's: word for word the same
    assert none.status_code == hidden.status_code == 200
    assert main(none.text).replace("9999", "") == main(hidden.text).replace("7003", "")
    nothing = y.get("/studio/earnings?show=nothing").text
    assert "#7001" in nothing
    assert "A later tap by someone else" in nothing
    assert "#7003" not in nothing
    first = enter("x").get("/studio").text
    assert "All of it was paid" in first
    assert "#7003" in first
    assert "The order was cancelled" in first
    # What comes back after the payout isn't "all paid": it is said now, and once it stands in a statement.
    hear(world, [], at=CLOSING + 2 * DAY, cancelled_at=CLOSING + 2 * DAY)
    x = enter("x")
    assert "It goes into the next statement, and what you earn there next covers it first" in x.get("/studio").text
    settle(world, CLOSING + 40 * DAY, "2027-01")
    carried = x.get("/studio/earnings").text
    assert "All of it was paid" not in carried
    assert "What you earn there next covers it first" in carried
    assert "Carried forward" in carried


def test_every_sum_is_the_ledgers(world: World) -> None:
    a_life(world)
    for creator_id in world.creators.values():
        with world.database.read(APP) as session:
            booked = ledger.balances(session, creator_id=creator_id)
            [shown] = earned.standings(session, creator_id, CLOSING)
            assert shown.pending + shown.frozen == sum(row.pending for row in booked)
            assert shown.on_its_way == sum(max(0, row.settled) + row.in_transit for row in booked)
            assert shown.paid == sum(row.paid for row in booked)
            lines, _ = earned.earned(session, creator_id)
            assert sum(line.due for line in lines) == sum(row.owed + row.in_transit + row.paid for row in booked)
            # a page after the other gives each line once
            first, more = earned.earned(session, creator_id, limit=1)
            rest, _ = earned.earned(session, creator_id, before=more, limit=50) if more else ([], "")
            assert [(each.order_id, each.line_ref) for each in first + rest] == [
                (each.order_id, each.line_ref) for each in lines
            ]


def test_a_shop_s_minus_takes_nothing_off_what_another_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """R17: shops never net; E25: the minus is carried."""
    books = [
        ledger.Balance(shop, "crt_x", "EUR", settled=settled, paid=600)
        for shop, settled in (("shp_1", 500), ("shp_2", -150))
    ]
    monkeypatch.setattr(ledger, "balances", lambda *_, **__: books)
    monkeypatch.setattr(funding, "funded", lambda *_: funding.Funding(gated=False))
    session: Any = None
    [shown] = earned.standings(session, "crt_x", CLOSING, held=())
    assert (shown.on_its_way, shown.carried, shown.settled, shown.paid) == (500, -150, 350, 1200)


@pytest.mark.parametrize(
    ("kind", "amount", "said"),
    [
        ("opening", 1234, "Brought along from before"),
        ("opening", -300, "Brought along from before, owed to the shop"),
        ("flat_fee", -2500, "Flat fee for content, taken back"),
    ],
)
def test_what_an_amount_beside_orders_is_called(kind: str, amount: int, said: str) -> None:
    assert called(Beside("ent_1", kind, "", "shp_1", "crt_1", None, "USD", amount, PLACED)) == said


def test_the_bar_shows_what_is_there(sqlite_database: Database) -> None:
    app = wired(web_settings())
    assert [place.word for place in PLACES if place.endpoint in app.view_functions] == [
        "Home",
        "Products",
        "Earnings",
        "Messages",
    ]


# What each reader may see, as a property over whatever a trace holds -----------------------------------------------

PEOPLE = [{"id": f"crt_{n}", "handle": f"h{n}", "name": f"Name{n}"} for n in range(3)]
OUTCOMES = ("won", "outranked_by_later_click", "outranked_by_code", "window_expired", "other_product", "self_purchase",
            "creator_ineligible", "too_late", "cart_add", "proves_cart")  # fmt: skip


REASONS = ("no_touch", "last_click_direct", "code")


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    candidates = draw(st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(OUTCOMES)), max_size=4))
    winner = draw(st.sampled_from([None, *PEOPLE]))
    return {
        "line_ref": draw(st.sampled_from("123")), "title": "Secret throw", "sku": "SKU-1", "product_ref": "A",
        "quantity": 2, "current_quantity": 2, "reason": draw(st.sampled_from(REASONS)),
        "flags": [], "base": {"base": 4000}, "commission": 987654, "estimate": 987654, "due": 987654, "reversed": 0,
        "removed_units": 0, "removed_base": 0, "refunded_units": 0, "refunded_base": 0,
        "decision": {
            "credit_reason": "last_click_direct" if winner else "no_touch",
            "rate_reason": "rate_open" if winner else "",
            "creator": winner, "content": None, "touch_id": "tch_w", "rate_bp": 1234 if winner else 0, "terms": None,
            "pinned_at": None, "drift": "secret drift", "left_out": 0, "flags": [], "rates": None, "bound": None,
            "review": None, "credit": None, "exchange_of": "", "acts": [], "codes": [
                {"text": "tal10", "creator": draw(st.sampled_from(PEOPLE)), "outcome": "outranked_by_later_click"}
            ] if draw(st.booleans()) else [],
            "candidates": [
                {"touch_id": f"tch_{n}", "creator": who, "content": None, "kind": "video", "at": "2026-11-19T12:00:00Z",
                 "outcome": outcome, "why": "", "via": [], "buyers": 2, "window_seconds": 1209600, "product_ref": "A"}
                for n, (who, outcome) in enumerate(candidates)
            ],
        },
        "clearance": None, "balances": [],
    }  # fmt: skip


def whole(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "order": {
            "id": "ord_1", "ref": "1", "number": "#1", "shop": {"id": "shp_1", "name": "Shop", "domain": "d"},
            "placed_at": "2026-11-20T12:00:00Z", "changed_at": None, "currency": "EUR", "payment_status": "paid",
            "paid_at": None, "cancelled_at": None, "gone_at": None, "total": 77777, "shipping": 555, "test": False,
            "taxes_included": False, "source": "", "buyer": "known", "evaluated": True,
        },
        "answer": {"reason": "", "lines": len(found), "lines_credited": 0, "due": 0, "creators": [], "nobody": []},
        "heard": {"deliveries": [], "versions": [], "loose": []}, "carriers": {"bad": [{"token": "sec"}], "ways": []},
        "lines": found, "refunds": [], "evaluations": [], "acts": [], "entries": [], "fee": 321, "absorbed": 0,
        "statements": [], "reserves": [], "invoices": [{"secret": 1}], "payouts": [],
    }  # fmt: skip


@given(st.lists(lines(), max_size=3), st.sampled_from(PEOPLE))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_a_creator_never_reads_of_another(found: list[dict[str, Any]], me: dict[str, str]) -> None:
    seen = trace_audience.told(whole(found), "creator", me["id"])
    said = repr(seen)
    for other in PEOPLE:
        if other is not me:
            assert other["id"] not in said
            assert other["name"] not in said
    for secret in ("77777", "555", "'buyer'", "secret", "SKU-1", "buyers", "321"):
        assert secret not in said, secret
    for line in seen["lines"]:
        mine = line["decision"]["creator"] is not None
        assert mine == (line["due"] == 987654)
        assert mine or line["base"] is None
        assert line["said"]
        assert line["reason"] not in ("won", "proves_cart", "cart_add", "")
    mine = [line for line in found if trace_audience.concerns(whole([line]), me["id"])]
    assert bool(seen["lines"]) == bool(mine)
    assert len(seen["lines"]) <= len(mine)


@given(st.lists(lines(), max_size=3))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
def test_a_merchant_reads_their_order_and_not_the_machinery(found: list[dict[str, Any]]) -> None:
    before = repr(whole(found))
    seen = trace_audience.told(whole(found), "merchant")
    said = repr(seen)
    assert "secret drift" not in said
    assert "'sec'" not in said
    assert [line["due"] for line in seen["lines"]] == [line["due"] for line in found]
    assert repr(whole(found)) == before, "what was read is a copy"


def test_the_same_reason_in_three_wordings(world: World) -> None:
    a_life(world)
    found = told(world)
    y = world.creators["y"]
    lost = trace_audience.told(found, "creator", y)["lines"]
    assert [(line["reason"], line["said"]) for line in lost] == [
        ("outranked_by_later_click", "A later tap by someone else came before the sale")
    ]
    outcome = {
        reader: next(
            each["said"]
            for each in trace_audience.told(found, reader)["lines"][0]["decision"]["candidates"]
            if each["outcome"] == "outranked_by_later_click"
        )
        for reader in ("merchant", "support")
    }
    assert outcome["merchant"] == "X's later tap earned it; Y's came first"
    assert outcome["support"].startswith("Lost at D11 to touch tch_")
    assert trace_audience.told(found, "creator", world.creators["x"])["said"] == "You earn €4.00 for one line."
