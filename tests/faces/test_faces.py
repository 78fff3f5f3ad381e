"""Console and dashboard over both databases: every page, every role, and no shop sees another.

One world a database serves many questions, since making it is what costs time.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

import connector
from connector.access import links, staff
from connector.audit import AuditRow
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.faces.console import checks
from connector.faces.console.shops import ACTS
from connector.operations.tables import SavedView
from connector.sync.tables import SyncDifference, SyncRun
from connector.web.guards import guard_of
from connector.webhooks.tables import DeliveryRow
from tests.browser.world import EMAIL, World
from tests.conftest import wired
from tests.faces.conftest import form_token
from tests.web.conftest import settings

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")
# Pages that need a world of their own: signing in, a refund whose amount nobody said, a feed that was really built.
ELSEWHERE = re.compile(r"sign-in|refund_ref|report\.csv|/offers/lists/")
# Two kinds of things are called an event: one of rates, and one that the app was told.
CALLED = {"console.told": {"event_id": "told_id"}}


def _pages(app: Flask, world: World, face: str) -> list[str]:
    """Every GET route of a face with ids of the world in it."""
    ids = world.ids()
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(f"{face}.") and "GET" in (rule.methods or ()) and not ELSEWHERE.search(rule.rule):
            called = CALLED.get(rule.endpoint, {})
            path = rule.build({name: ids[called.get(name, name)] for name in rule.arguments})[1]  # type: ignore[index]
            found.append(path + ("?status=parked" if rule.endpoint == "console.replay_estimate" else ""))
    return sorted(found)


def _asks(app: Flask, path: str) -> str:
    """The role that a page's guard asks for."""
    endpoint, _ = app.url_map.bind("localhost").match(path.split("?")[0])
    guard = guard_of(app.view_functions[str(endpoint)])
    return guard.asks if guard else ""


def test_every_page_answers_its_people_and_nobody_else(app: Flask, world: World, enter: Enter) -> None:
    kim, fay, harbour, nobody = enter("Kim"), enter("Fay"), enter("harbour"), app.test_client()
    for path in _pages(app, world, "console"):
        money = _asks(app, path) == "finance"
        answer = fay.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        assert kim.get(path).status_code == (403 if money else 200), path
        assert nobody.get(path).status_code == 303, path
        assert harbour.get(path).status_code == 303, path
        _clean(answer.text, path)
    for path in _pages(app, world, "dashboard"):
        if path == "/dashboard/connect":
            continue
        answer = harbour.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        assert nobody.get(path).status_code == 303, path
        assert fay.get(path).status_code == 303, path
        _clean(answer.text, path)


def _clean(html: str, path: str) -> None:
    # A picture is a document of its own, that no policy of a page reaches.
    assert re.search(r"\sstyle\s*=", html) is None or html.startswith("<?xml"), path
    assert re.search(r"\son[a-z]+\s*=", html) is None, path
    assert EMAIL not in html, path
    assert "Lindqvist" not in html, path
    assert "<b>Bold</b>" not in html, path
    assert "shpat_" not in html, path
    if html.lstrip().startswith("<!doctype"):
        assert html.count("<h1") == 1, path
        assert re.search(r"<title>[^<]+ · connector</title>", html), path


def test_no_shop_sees_another(app: Flask, world: World, enter: Enter) -> None:
    kita, fresh = enter("kita"), enter("fresh")
    others = ("Harbour", "10482", "10483", "Linen", "linen", "Mira", "Tal Ben", "سوق", world.shops["harbour"])
    for client in (kita, fresh):
        for path in _pages(app, world, "dashboard"):
            if path == "/dashboard/connect":
                continue
            answer = client.get(path)
            if world.orders["10482"] in path:
                assert answer.status_code == 404, path
            for word in others:
                assert word not in answer.text, (path, word)
    for query in ("?q=10482", "?q=%2310482"):
        assert "Nothing matches" in kita.get(f"/dashboard/orders{query}").text
    assert "Nothing matches" in kita.get("/dashboard/products?q=linen").text
    # a cursor of another shop's list is refused
    harbour = enter("harbour")
    cursor = re.search(r"older=([^\"&]+)", harbour.get("/dashboard/orders").text)
    assert cursor is not None
    assert kita.get(f"/dashboard/orders?older={cursor.group(1)}").status_code == 422


def test_a_merchant_starts_their_own_sync_only(world: World, enter: Enter) -> None:
    kita = enter("kita")
    token = form_token(kita, "/dashboard/sync")
    assert kita.post("/dashboard/sync").status_code == 400
    assert kita.post("/dashboard/sync", data={"csrf_token": token}).status_code == 303
    with world.database.read(SYSTEM) as session:
        started = session.scalars(sa.select(SyncRun).where(SyncRun.trigger == "merchant")).all()
        assert [run.shop_id for run in started] == [world.shops["kita"]]


def test_the_order_page_answers_first(world: World, enter: Enter) -> None:
    kim, harbour = enter("Kim"), enter("harbour")
    html = kim.get(f"/console/orders/{world.orders['10482']}").text
    assert (
        "Mira Okafor earns €7.47 for one of two lines. The other line pays nothing: the latest tap on it came "
        "19\u00a0days before, window 14\u00a0days."
    ) in html
    assert "Lost at D11" in html
    assert "outranked_by_later_click" in html
    assert "€49.80" in html
    assert "15.00\u00a0%" in html
    text = harbour.get(f"/dashboard/orders/{world.orders['10482']}").text
    assert "the tap was 19\u00a0days old; your window was 14\u00a0days." in text
    refunded = kim.get(f"/console/orders/{world.orders['10483']}").text
    assert "after €4.47 was taken back with refunds" in refunded
    assert "Nobody earns on this order. Cancelled at the store" in kim.get(
        f"/console/orders/{world.orders['10485']}"
    ).text  # fmt: skip
    assert "An estimate of €9.15 for Tal Ben-Ami" in kim.get(f"/console/orders/{world.orders['10486']}").text


def test_an_order_is_found_by_what_a_person_types(world: World, enter: Enter) -> None:
    kim = enter("Kim")
    for typed in ("10482", "%2310482", "510482", world.orders["10482"]):
        assert kim.get(f"/console/orders?q={typed}").location == f"/console/orders/{world.orders['10482']}"
    assert "Nothing matches these filters" in kim.get("/console/orders?q=999999").text


def test_replay_is_previewed_done_and_audited(world: World, enter: Enter) -> None:
    kim, delivery = enter("Kim"), world.deliveries["failed"]
    preview = f"/console/inbox/{delivery}/replay"
    assert "Replay 1 delivery" in kim.get(preview).text
    assert kim.post(preview).status_code == 400
    assert kim.post(preview, data={"csrf_token": form_token(kim, preview)}).status_code == 303
    with world.database.read(SYSTEM) as session:
        assert session.get_one(DeliveryRow, delivery).status == "waiting"
        act = session.scalars(sa.select(AuditRow).where(AuditRow.act == "delivery.replay")).one()
        assert (act.actor, act.subject) == ("staff:Kim", delivery)
    assert "Deliveries replayed" in kim.get(f"/console/inbox/{delivery}").text


def test_many_are_replayed_by_a_filter_and_never_without_one(world: World, enter: Enter) -> None:
    kim = enter("Kim")
    estimate = kim.get("/console/inbox/replay?status=parked").text
    assert "Replay 2 deliveries" in estimate  # the third has no shop yet
    assert kim.get("/console/inbox/replay").status_code == 422
    assert kim.get("/console/inbox/replay?reason=unreadable").status_code == 422
    assert "Replay 2 deliveries" in kim.get("/console/inbox/replay?status=parked&since=24h").text
    token = estimate.split('name="csrf_token" value="')[-1].split('"')[0]
    answer = kim.post("/console/inbox/replay", data={"csrf_token": token, "status": "parked"})
    assert answer.location.startswith("/console/replays/rpl_")
    assert "2 put back" in kim.get(answer.location).text
    with world.database.read(SYSTEM) as session:
        left = session.scalars(sa.select(DeliveryRow.reason).where(DeliveryRow.status == "parked")).all()
        assert left == ["unknown_store"]


def test_the_inbox_narrows_and_pages(world: World, enter: Enter) -> None:
    kim = enter("Kim")
    rows = re.compile(r'/console/inbox/(dlv_\w+)"')
    first = kim.get("/console/inbox").text
    older = re.search(r'href="(/console/inbox\?older=[^"]+)"', first)
    assert older is not None
    second = kim.get(older.group(1)).text
    assert len(rows.findall(first)) == 50
    assert set(rows.findall(first)) & set(rows.findall(second)) == set()
    assert len(set(rows.findall(first)) | set(rows.findall(second))) == 69
    assert rows.findall(kim.get("/console/inbox?order=10482").text) == [
        world.deliveries["failed"], world.deliveries["done"]
    ]  # fmt: skip
    assert rows.findall(kim.get("/console/inbox?reason=unknown_store").text) == [world.deliveries["unknown"]]
    assert world.deliveries["expired"] not in kim.get("/console/inbox?since=24h&topic=orders/create").text
    assert kim.get("/console/inbox?older=bent").status_code == 422


def test_a_run_is_stopped_and_its_refusals_are_a_file(world: World, enter: Enter) -> None:
    kim, run = enter("Kim"), world.runs["live"]
    page = f"/console/runs/{run}"
    assert kim.post(f"{page}/stop", data={"csrf_token": form_token(kim, page)}).status_code == 303
    with world.database.read(SYSTEM) as session:
        assert session.get_one(SyncRun, run).status == "stopping"
    assert "Stops at the next safe point" in kim.get(page).text
    assert kim.post(f"{page}/stop", data={"csrf_token": form_token(kim, page)}).status_code == 303
    with world.database.write(SYSTEM) as session:
        session.get_one(SyncRun, run).status = "stopped"
    assert "Go on where it stopped" in kim.get(page).text
    assert kim.post(f"{page}/resume", data={"csrf_token": form_token(kim, page)}).status_code == 303
    with world.database.write(SYSTEM) as session:
        row = session.get_one(SyncRun, run)
        assert row.status == "queued"
        row.status, row.problem = "asks", "the store's catalog no longer has 30 of 50 products: nothing was removed"
    html = kim.get(page).text
    assert "Start again and let it remove them" in html
    assert "Stop safely" not in html
    assert "no longer has 30 of 50 products: nothing was removed." in html
    text = kim.get(f"/console/runs/{world.runs['refusals']}/refusals.csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 22
    assert rows[0]["what to do"] == "Give every variant a price in your store."


def test_the_health_page_names_whose_turn_it_is(world: World, enter: Enter) -> None:
    html = enter("Kim").get("/console").text
    for said in (
        "<bdi>Acme Supply</bdi>: The store no longer takes the permission", "the last sync failed",
        "22 products could not be taken in", "1 order at the store not taken in", "things need someone",
        "1 privacy request is past the deadline", "/console/privacy?view=late",
    ):  # fmt: skip
        assert said in html, said
    assert "Right signature, no such shop here" not in html  # settles by itself


def test_pages_of_a_database_where_nothing_happened(sqlite_database: Database) -> None:
    with sqlite_database.write(SYSTEM) as session:
        token = links.issue(session, "staff", staff.ensure(session, "Sam", "admin", by="test").id)
    client = wired(settings()).test_client()
    path = f"/console/sign-in/link/{token}"
    client.post(path, data={"csrf_token": form_token(client, path)})
    for page, said in {
        "/console/shops": "No shop yet", "/console/runs": "No sync run yet", "/console/inbox": "Nothing received yet",
        "/console/orders": "No order yet", "/console/creators": "No creator yet", "/console/money": "Nothing owed yet",
        "/console": "No worker is alive", "/console/orders/ord_x": "No order has the id",
        "/console/shops/shp_x": "No shop has the id",
    }.items():  # fmt: skip
        assert said in client.get(page).text, page


def test_every_act_of_the_audit_log_has_words() -> None:
    found = {
        text
        for path in Path(connector.__file__).parent.rglob("*.py")
        for text in re.findall(r"audit\.record\((?:[^()]|\([^()]*\))*?\"([a-z_]+\.[a-z_]+)\"", path.read_text())
    }
    assert {"delivery.replay", "run.stop", "period.close", "token.issue"} <= found
    assert found - ACTS.keys() == set()


def test_the_search_box_leads_straight_to_an_only_hit(world: World, enter: Enter) -> None:
    kim = enter("Kim")
    ids = world.ids()
    for typed, path in {
        "%2310482%20": f"/console/orders/{world.orders['10482']}",
        "gid%3A%2F%2Fshopify%2FOrder%2F510482": f"/console/orders/{world.orders['10482']}",
        "https%3A%2F%2Fadmin.shopify.com%2Fstore%2Fharbour-and-pine%2Fproducts%2F9001": (
            f"/console/products/{ids['listing_id']}"
        ),
        "acme%20supply": f"/console/shops/{world.shops['acme']}",
        "@talb": f"/console/creators/{world.creators['talb']}",
        world.link_code: f"/console/links/{world.link_id}", ids["touch_id"]: f"/console/touches/{ids['touch_id']}",
        ids["sample_id"]: f"/console/samples/{ids['sample_id']}",
        ids["run_id"]: f"/console/runs/{ids['run_id']}", ids["delivery_id"]: f"/console/inbox/{ids['delivery_id']}",
    }.items():  # fmt: skip
        assert kim.get(f"/console/find?q={typed}").location == path, typed
    several = kim.get("/console/find?q=oak").text
    assert "Oak shelf no. 000" in several
    assert "Nothing is called" in kim.get("/console/find?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E").text
    assert kim.get("/console/find?q=").status_code == 200


def test_the_standing_checks_count_on_the_first_page_and_list(world: World, enter: Enter) -> None:
    checks.forget()
    kim = enter("Kim")
    first = kim.get("/console").text
    assert "Code gaps: 2, most often this" in first
    gaps = kim.get("/console/checks/gaps").text
    for said in ("MIRA10", "@mira.makes", world.link_code, "Compare it with the creator"):
        assert said in gaps, said
    assert world.orders["10488"] not in gaps  # its token was read all the same
    assert world.orders["10488"] in kim.get("/console/checks/gaps?all=1").text
    missed = kim.get("/console/checks/missed?all=1").text
    assert world.orders["10487"] in missed
    assert "window_expired" in missed
    assert kim.get("/console/checks/nothing").status_code == 404
    assert kim.get("/console/checks/gaps?days=5").status_code == 422


def test_a_view_is_saved_shared_and_removed(world: World, enter: Enter) -> None:
    kim, fay, sam = enter("Kim"), enter("Fay"), enter("Sam")
    listed = f"/console/orders?shop={world.shops['kita']}&credit=some"
    token = form_token(kim, listed)
    form = {"csrf_token": token, "name": " Kita,  credited ", "query": listed.partition("?")[2] + "&older=x&q="}
    assert kim.post("/console/views/orders", data=form).location == (
        f"/console/orders?credit=some&shop={world.shops['kita']}"
    )
    assert "Kita, credited" in kim.get("/console/orders").text
    assert "Kita, credited" not in fay.get("/console/orders").text
    assert kim.post("/console/views/orders", data=form).status_code == 409
    assert kim.post("/console/views/orders", data={**form, "name": "x", "query": ""}).status_code == 422
    assert kim.post("/console/views/nowhere", data=form).status_code == 404
    kim.post("/console/views/orders", data={**form, "name": "For all", "shared": "1"})
    shown = fay.get("/console/orders").text
    assert re.search(r'For all</bdi> <span class="n">1</span>', shown)
    with world.database.read(SYSTEM) as session:
        row = session.scalars(sa.select(SavedView).where(SavedView.shared)).one()
        assert row.query == f"credit=some&shop={world.shops['kita']}"
    remove = f"/console/views/orders/{row.id}/remove"
    assert fay.post(remove, data={"csrf_token": form_token(fay, "/console/orders")}).status_code == 403
    assert sam.post(remove, data={"csrf_token": form_token(sam, "/console/orders")}).status_code == 303
    assert "For all" not in fay.get("/console/orders").text
    listed = "/console/inbox?status=parked&reason=unreadable"
    form = {"csrf_token": form_token(kim, listed), "name": "Unreadable", "query": listed.partition("?")[2]}
    assert kim.post("/console/views/inbox", data=form).location == "/console/inbox?reason=unreadable&status=parked"
    assert re.search(r'Unreadable</bdi> <span class="n">1</span>', kim.get("/console/inbox").text)


def test_the_audit_log_narrows_and_shows_before_and_after(world: World, enter: Enter) -> None:
    kim = enter("Kim")
    changed = kim.get("/console/audit?act=shop.setting&who=staff").text
    assert "Least payout" in changed
    assert re.search(r'<span class="muted">0</span> → <strong>500</strong>', changed)
    assert "Staff signed in" in kim.get("/console/audit?actor=staff:Kim").text
    assert "Nothing matches" in kim.get("/console/audit?since=2001-01-01&until=2001-01-02").text
    assert kim.get("/console/audit?since=yesterday").status_code == 422
    assert "Subscriptions put back" in kim.get(f"/console/audit?who=connector&shop={world.shops['harbour']}").text


def test_the_timeline_tells_in_sentences_and_its_filters_are_links(world: World, enter: Enter) -> None:
    kim = enter("Kim")
    path = f"/console/shops/{world.shops['harbour']}/timeline"
    html = kim.get(path).text
    for said in (
        "Subscriptions put back: the shop had dropped them (orders/paid)", "2 missed orders fetched (#10391, #10388)",
        "Least payout: the default → EUR\xa05.00", "59 messages taken in", "Sync running",
    ):  # fmt: skip
        assert said in html, said
    only = kim.get(f"{path}?only=subscriptions&days=7").text
    assert "Subscriptions put back" in only
    assert "Least payout" not in only
    assert kim.get(f"{path}?only=nothing").status_code == 422
    assert kim.get(f"{path}?days=5").status_code == 422


def test_a_run_rests_goes_on_and_tells_what_it_would_change(world: World, enter: Enter) -> None:
    kim, run = enter("Kim"), world.runs["live"]
    page = f"/console/runs/{run}"
    token = {"csrf_token": form_token(kim, page)}
    assert kim.post(f"{page}/pause", data=token).status_code == 303
    assert "Pauses at the next safe point" in kim.get(page).text
    assert kim.post(f"{page}/resume", data=token).status_code == 303
    assert kim.post(f"{page}/nothing", data=token).status_code == 404
    shop = f"/console/shops/{world.shops['souq']}"
    started = kim.post(f"{shop}/sync", data={**token, "dry": "1"}).location
    with world.database.write(SYSTEM) as session:
        dry = session.get_one(SyncRun, started.rpartition("/")[2])
        assert dry.dry
        dry.status, dry.written, dry.products_in, dry.gone = "done", 2, 2, 1
        details = [["title", "Old", "عطر"], ["price of Default", "12.500", "13.000"]]
        for ref, kind in (("7001", "changed"), ("7002", "new"), ("7003", "gone")):
            session.add(SyncDifference(run_id=dry.id, product_ref=ref, kind=kind, title=f"T{ref}", details=details))
    html = kim.get(started).text
    for said in ("What a run would change", "price of Default", "12.500", "Do it now", "Nothing of the catalog was"):
        assert said in html, said
    assert "T7002" not in kim.get(f"{started}?difference=gone").text
    assert "T7003" in kim.get(f"{started}/part?difference=gone").text
    assert kim.post(f"{shop}/schedule", data={**token, "paused": "1"}).status_code == 303
    assert "Scheduled syncs are paused" in kim.get(shop).text


def test_a_change_of_currency_waits_for_finance(world: World, enter: Enter) -> None:
    path = f"/console/shops/{world.shops['harbour']}/currency"
    with world.database.write(SYSTEM) as session:
        shop = session.get_one(Shop, world.shops["harbour"])
        shop.currency_before, shop.currency, shop.currency_changed_at = "EUR", "SEK", world.now
    kim, fay = enter("Kim"), enter("Fay")
    assert "changed from EUR to SEK" in kim.get("/console").text
    assert "Finance does this" in kim.get(path).text
    assert kim.post(path, data={"csrf_token": form_token(kim, path)}).status_code == 403
    assert fay.post(path, data={"csrf_token": form_token(fay, path)}).status_code == 303
    assert "changed from EUR" not in kim.get("/console").text
    with world.database.read(SYSTEM) as session:
        assert session.scalars(sa.select(AuditRow).where(AuditRow.act == "shop.currency_accepted")).one()


def test_a_merchant_sees_reasons_remedies_lines_and_sales(world: World, enter: Enter) -> None:
    harbour = enter("harbour")
    fix = harbour.get("/dashboard/products?reason=no_price").text
    assert "Priceless bowl" in fix
    assert "Stoneware mug" not in fix
    assert "https://harbour-and-pine.myshopify.com/admin/products/9007" in fix
    assert "Give it a price at the store." in fix
    orders = harbour.get("/dashboard/orders?credit=some").text
    assert "10482" in orders
    assert "10484" not in orders
    assert "Table runner, sage" in orders
    mira = harbour.get(f"/dashboard/orders?creator={world.creators['mira.makes']}").text
    assert "10482" in mira
    assert "10486" not in mira
    sales = harbour.get("/dashboard/sales").text
    assert "€170.40" in sales
    assert 'alt="Creators sold for EUR' in sales
    chart = harbour.get("/dashboard/sales/EUR/narrow-dark.svg")
    assert chart.mimetype == "image/svg+xml"
    assert "<script" not in chart.text
    assert not re.search(r"https?://(?!www\.w3\.org)", chart.text)
    assert harbour.get("/dashboard/sales/EUR/huge-dark.svg").status_code == 404
    assert harbour.get("/dashboard/sales/JPY/wide-light.svg").status_code == 404
    assert "¥7,960" in enter("kita").get("/dashboard/sales").text
    assert "KWD\u00a012.500" in enter("souq").get("/dashboard/sales").text.replace("KD", "KWD")
