"""A world to look at: shops in every state, a sync under way, an inbox with all that can be in it, orders that were
decided, cleared, settled and paid. Made through the rooms themselves, so that a page shows what they really write.

Business is told around `NOW`, which is the real now: pages show ages.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from connector import audit, clock, jobs, vault
from connector.access import links, staff
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops import connect
from connector.commerce.shops import settings as shop_settings
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope, new_id
from connector.earnings.attribution import gaps as unknown
from connector.earnings.attribution import links as share
from connector.earnings.attribution import tokens, touches
from connector.earnings.attribution.tables import Touch, TrialClick
from connector.earnings.intake import take_in
from connector.earnings.payouts import batch
from connector.earnings.settlement import clear, close, receipts
from connector.earnings.settlement import queries as settlement
from connector.earnings.settlement.receipts import Coming
from connector.events import (
    Allocation,
    Buyer,
    Carrier,
    FulfilledLine,
    Fulfilment,
    Line,
    OrderSeen,
    OrderSnapshot,
    Product,
    Refund,
    RefundLine,
    ShopProfile,
    Transaction,
    Variant,
)
from connector.insight.market import index
from connector.platforms.contract import Grant
from connector.programme.collaborations import terms
from connector.programme.content import attach
from connector.programme.creators import register
from connector.sync.tables import DailyProof, Reconciliation, SyncNote, SyncRefusal, SyncRun
from connector.webhooks.tables import DeliveryRow, RejectedCount
from tests.browser import keeping
from tests.payees.details import all_payable

HARD_TITLE = (
    "Hand-woven linen throw in natural undyed flax with a double-stitched hem, made in a small mill by the harbour, "
    "130 × 180"
)
EMAIL = "mara.lindqvist@example.com"


@dataclass
class World:
    database: Database
    now: datetime
    shops: dict[str, str] = field(default_factory=dict)
    creators: dict[str, str] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    staff: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    deliveries: dict[str, str] = field(default_factory=dict)
    taps: dict[str, str] = field(default_factory=dict)
    closing_id: str = ""
    batch_id: str = ""
    payout_id: str = ""
    invoice_id: str = ""
    statement_id: str = ""
    receipt_id: str = ""
    link_id: str = ""
    link_code: str = ""
    trial_id: str = ""
    replay_id: str = ""
    request_id: str = ""
    feed_id: str = ""
    freeze_id: str = ""
    event_id: str = ""
    code_id: str = ""
    import_id: str = ""
    act_id: str = ""
    programme: dict[str, str] = field(default_factory=dict)

    def ids(self) -> dict[str, str]:
        """What stands for an id in an address, so that a test can walk every page."""
        return {
            "shop_id": self.shops["harbour"], "run_id": self.runs["live"], "delivery_id": self.deliveries["failed"],
            "order_id": self.orders["10482"], "creator_id": self.creators["mira.makes"],
            "closing_id": self.closing_id, "batch_id": self.batch_id, "payout_id": self.payout_id,
            "touch_id": self.taps["mira"],
            "link_id": self.link_id, "listing_id": self.listing("harbour", "9001"), "name": "missed",
            "day": f"{self.now - timedelta(days=1):%Y-%m-%d}", "refund_ref": "r1",
            "setting_name": "touch_window_days",
            "currency": "EUR", "width": "wide", "theme": "light", "trial_id": self.trial_id,
            "replay_id": self.replay_id, "request_id": self.request_id, "feed_id": self.feed_id,
            "invoice_id": self.invoice_id, "statement_id": self.statement_id, "receipt_id": self.receipt_id,
            "kind": "csv", "freeze_id": self.freeze_id, "event_id": self.event_id, "code_id": self.code_id,
            "import_id": self.import_id, "act_id": self.act_id, "what": "manual",
            "slug": "shopify", "subject": "creator", "subject_id": self.creators["mira.makes"], **self.programme,
        }  # fmt: skip

    def listing(self, shop: str, product_ref: str) -> str:
        return listing_id(self.shops[shop], product_ref)

    def staff_link(self, name: str) -> str:
        with self.database.write(Scope.system("test")) as session:
            return links.issue(session, "staff", self.staff[name])

    def merchant_link(self, name: str) -> str:
        with self.database.write(Scope.system("test")) as session:
            return links.issue(session, "merchant", self.shops[name])


def build(database: Database) -> World:
    world = World(database, clock.now())
    with database.write(Scope.system("test")) as session:
        _staff(session, world)
        _shops(session, world)
        _creators(session, world)
        _catalog(session, world)
        _orders(session, world)
        _settled(session, world)
        _runs(session, world)
        _inbox(session, world)
        seen = [world.deliveries[name] for name in ("failed", "parked", "broken")]
        world.replay_id = keeping.replays(session, world.shops["harbour"], seen)
        world.request_id = keeping.requests(session, world.shops, world.orders["10482"], world.deliveries["done"])
        world.feed_id = keeping.feeds(session, world.shops["harbour"])
        world.freeze_id = keeping.frozen(session, world.orders["2001"], world.orders["3001"], world.now)
        world.event_id = keeping.tiered_event(session, world.shops["kita"], world.creators, world.now)
        harbour, mira = world.shops["harbour"], world.creators["mira.makes"]
        world.import_id = keeping.brought(session, world.shops["harbour"], world.now)
        world.code_id, world.act_id = keeping.deciding(session, harbour, mira, world.orders["10482"], world.now)
        _passes(session, world)
        video = world.contents["mira.makes"]
        world.programme = keeping.programme(session, harbour, world.creators, video, world.now)
        world.programme |= keeping.sampled(session, harbour, world.creators, world.now)
        kita, yuki, coffee = world.shops["kita"], world.creators["yuki"], world.contents["yuki"]
        world.programme["approval_id"] = keeping.handed_in(session, kita, yuki, coffee, "8001", world.now)
    index.follow(wait_for_syncs=False)
    return world


def beat(world: World) -> None:
    """The run under way was heard just now."""
    with world.database.write(Scope.system("test")) as session:
        session.get_one(SyncRun, world.runs["live"]).heard_at = clock.now()


def _staff(session: Session, world: World) -> None:
    for name, role in (("Sam", "admin"), ("Fay", "finance"), ("Kim", "support")):
        world.staff[name] = staff.ensure(session, name, role, by="command").id
    session.add(
        jobs.WorkerSlot(
            slot="w1", owner="test", until=clock.wall() + timedelta(hours=1), taken_at=clock.wall(), recovered_at=None
        )
    )


def _shops(session: Session, world: World) -> None:
    profiles = {
        "harbour": ShopProfile(
            "71001", "harbour-and-pine.myshopify.com", "Harbour & Pine", "EUR", "Europe/Berlin", "DE"
        ),
        "kita": ShopProfile("71002", "kita-coffee.myshopify.com", "北野珈琲 Kita Coffee", "JPY", "Asia/Tokyo", "JP"),
        "souq": ShopProfile("71003", "souq-layl.myshopify.com", "سوق الليل", "KWD", "Asia/Kuwait", "KW"),
        "acme": ShopProfile("71004", "acme-supply.myshopify.com", "Acme Supply", "USD", "America/New_York", "US"),
        "fresh": ShopProfile("71005", "just-joined.myshopify.com", "Just Joined", "EUR", "Europe/Paris", "FR"),
        "gone": ShopProfile("71006", "closed-door.myshopify.com", "Closed Door", "EUR", "Europe/Madrid", "ES"),
    }
    grant = Grant("shpat_test_access", "shprt_test_refresh", ("read_orders", "read_products"),
                  clock.wall() + timedelta(minutes=50), clock.wall() + timedelta(days=88))  # fmt: skip
    for name, profile in profiles.items():
        joined = world.now - timedelta(days=0 if name == "fresh" else 120)
        world.shops[name] = connect.connect(session, "shopify", profile, grant, joined).id
        # These stores answer nobody, so nothing could clear if it were asked for again first.
        shop_settings.change(
            session, world.shops[name], "reread_before_clearing", 0, by="test", starts_at=joined, now=joined
        )
    acme, gone = session.get_one(Shop, world.shops["acme"]), session.get_one(Shop, world.shops["gone"])
    connect.needs_reconnect(session, acme, "grant_lost", "The store no longer takes the permission that it gave.")
    connect.leave(session, gone, world.now - timedelta(days=9))
    for name, rate in (("harbour", 1500), ("kita", 800), ("souq", 1000), ("acme", 1200)):
        opened = world.now - timedelta(days=119)
        terms.open_terms(session, world.shops[name], rate, starts_at=opened, by="test", now=opened)


def _creators(session: Session, world: World) -> None:
    began = world.now - timedelta(days=110)
    for handle, name, followers in (
        ("mira.makes", "Mira Okafor", 48_200), ("talb", "Tal Ben-Ami", 9_310), ("yuki", "高橋ゆき", 120_400),
        ("nour", "نور الهدى", 2_100),
    ):  # fmt: skip
        world.creators[handle] = register.register(session, handle, name, followers, began).id
    for handle, title in (("mira.makes", "Autumn corner"), ("talb", "Ten gifts under 60"), ("yuki", "朝のコーヒー")):
        kind = "live" if handle == "talb" else "video"
        url = f"https://app.example/v/{handle}" if handle != "yuki" else None  # the app told no address of one
        made = attach.ensure(session, world.creators[handle], "app", f"v-{handle}", kind, title, began, url)
        world.contents[handle] = made.id


def _product(ref: str, title: str, price: int, currency: str, **more: Any) -> Product:
    variant = Variant(ref + "1", price, title="Default", sku=f"SKU-{ref}", available=more.pop("available", True))
    return Product(
        product_ref=ref, title=title, status=more.pop("status", "active"), currency=currency,
        variants=more.pop("variants", (variant,)), vendor=more.pop("vendor", "Harbour & Pine"),
        url=f"https://store.example/products/{ref}", **more,
    )  # fmt: skip


def _catalog(session: Session, world: World) -> None:
    harbour, kita = session.get_one(Shop, world.shops["harbour"]), session.get_one(Shop, world.shops["kita"])
    souq = session.get_one(Shop, world.shops["souq"])
    at = world.now - timedelta(days=100)
    products = [
        _product("9001", HARD_TITLE, 6100, "EUR"),
        _product("9002", "Table runner, sage", 6100, "EUR"),
        _product("9003", "Stoneware mug", 1850, "EUR", available=False),
        _product("9004", "Draft candle", 2400, "EUR", status="draft"),
        _product("9005", "Gift card", 5000, "EUR", gift_card=True),
        _product("9006", '<b>Bold</b> & "quoted" tray', 3900, "EUR"),
        _product("9007", "Priceless bowl", 0, "EUR"),
        *(_product(str(9100 + n), f"Oak shelf no. {n:03}", 4500 + 10 * n, "EUR") for n in range(60)),
    ]
    take.apply_products(session, harbour, products, "run_seed", at)
    take.apply_products(
        session, kita, [_product("8001", "深煎りブレンド 200g", 3980, "JPY", vendor="Kita")], "run_seed", at
    )
    take.apply_products(session, souq, [_product("7001", "عطر العود", 12_500, "KWD", vendor="")], "run_seed", at)
    take.mark_gone(session, harbour.id, ["9159"], at)


def _tap(session: Session, world: World, shop: str, handle: str, product_ref: str, at: datetime) -> Touch:
    tapped = touches.Tapped(
        world.shops[shop], world.creators[handle], world.listing(shop, product_ref), product_ref,
        content_id=world.contents.get(handle),
    )  # fmt: skip
    return touches.record(session, tapped, kind="video", at=at, now=at)


def _order(
    session: Session, world: World, shop: str, number: str, lines: tuple[Line, ...], placed: datetime,
    taps: tuple[Touch, ...] = (), *, source: str = "", **more: Any,
) -> str:  # fmt: skip
    row = session.get_one(Shop, world.shops[shop])
    carriers = tuple(Carrier("cart_attribute", touch.token, "connector_touch") for touch in taps)
    if taps:
        carriers += (Carrier("line_property", taps[0].token, "_connector_touch", lines[0].line_ref),)
    snapshot = OrderSnapshot(**{
        "order_ref": f"5{number}", "number": f"#{number}", "created_at": placed,
        "changed_at": more.pop("changed_at", placed), "currency": row.currency, "payment_status": "paid",
        "taxes_included": False, "lines": lines, "paid_at": placed, "carriers": more.pop("carriers", carriers),
        "total": sum(line.unit_price * line.quantity for line in lines), **more,
    })  # fmt: skip
    buyer = Buyer(customer_ref=f"c{number}", email=EMAIL)
    taken = take_in.take_in(
        session, row, OrderSeen(snapshot, buyer), triggered_at=snapshot.changed_at,
        source=source or "read:reconcile", as_of=max(snapshot.changed_at, placed) + timedelta(seconds=5),
    )  # fmt: skip
    world.orders[number] = taken.order_id
    return taken.order_id


def _line(ref: str, product_ref: str, price: int, title: str, quantity: int = 1, **more: Any) -> Line:
    return Line(
        ref, quantity, more.pop("current_quantity", quantity), price, product_ref=product_ref,
        variant_ref=product_ref + "1", title=title, **more,
    )  # fmt: skip


def _orders(session: Session, world: World) -> None:
    now = world.now
    placed = now - timedelta(days=3)
    mira = _tap(session, world, "harbour", "mira.makes", "9001", placed - timedelta(hours=5))
    _tap(session, world, "harbour", "talb", "9001", placed - timedelta(days=2))
    tal = _tap(session, world, "harbour", "talb", "9001", placed - timedelta(days=2))
    old = _tap(session, world, "harbour", "talb", "9002", placed - timedelta(days=19))
    lines = (
        _line("1", "9001", 6100, HARD_TITLE, allocations=(Allocation(1120),), tax=0),
        _line("2", "9002", 6100, "Table runner, sage", tax=0),
    )
    world.taps.update(mira=mira.id, tal=tal.id, old=old.id)
    _order(session, world, "harbour", "10482", lines, placed, (mira, tal, old), total_discounts=1120,
           source="delivery:dlv_seed")  # fmt: skip
    refund = Refund(
        "r1",
        placed + timedelta(days=1),
        (RefundLine("rl1", "1", 1, 2980),),
        transactions=(Transaction("t1", "success"),),
    )
    two = (_line("1", "9001", 2980, HARD_TITLE, 2, current_quantity=1),)
    tap = _tap(session, world, "harbour", "mira.makes", "9001", placed - timedelta(hours=9))
    _order(session, world, "harbour", "10483", two, placed - timedelta(hours=1), (tap,),
           changed_at=placed + timedelta(days=1), refunds=(refund,))  # fmt: skip
    _order(session, world, "harbour", "10484", (_line("1", "9006", 3900, '<b>Bold</b> & "quoted" tray'),), placed)
    _order(session, world, "harbour", "10485", (_line("1", "9001", 6100, HARD_TITLE),), placed,
           cancelled_at=placed + timedelta(hours=2))  # fmt: skip
    tap = _tap(session, world, "harbour", "talb", "9002", now - timedelta(hours=3))
    _order(session, world, "harbour", "10486", (_line("1", "9002", 6100, "Table runner, sage"),),
           now - timedelta(hours=2), (tap,), payment_status="pending", paid_at=None)  # fmt: skip
    tap = _tap(session, world, "kita", "yuki", "8001", placed - timedelta(hours=2))
    _order(session, world, "kita", "2001", (_line("1", "8001", 3980, "深煎りブレンド 200g", 2),), placed, (tap,))
    tap = _tap(session, world, "souq", "nour", "7001", placed - timedelta(hours=2))
    _order(session, world, "souq", "3001", (_line("1", "7001", 12_500, "عطر العود"),), placed, (tap,))
    for n in range(56):
        at = now - timedelta(days=4, hours=n)
        _order(session, world, "harbour", str(10400 - n), (_line("1", str(9100 + n), 4500 + 10 * n, f"Oak shelf no. {n:03}"),), at)  # fmt: skip  # noqa: E501
    linked = catalog.by_ref(session, world.shops["harbour"], "9001")
    assert linked is not None
    link = share.create(
        session, world.creators["mira.makes"], linked.id, content_id=world.contents["mira.makes"],
        now=now - timedelta(days=30),
    )  # fmt: skip
    world.link_id, world.link_code = link.id, link.code
    _gone_astray(session, world, placed)


def _gone_astray(session: Session, world: World, placed: datetime) -> None:
    """Credit that nobody got, and codes that nobody knows: what the standing checks are for."""
    runner = (_line("1", "9002", 6100, "Table runner, sage"),)
    old = _tap(session, world, "harbour", "talb", "9002", placed - timedelta(days=19))
    _order(session, world, "harbour", "10487", runner, placed - timedelta(minutes=5), (old,))
    bent = _tap(session, world, "harbour", "mira.makes", "9002", placed - timedelta(hours=1))
    theme = Carrier("cart_attribute", bent.token.lower(), "connector_touch")
    _order(session, world, "harbour", "10488", runner, placed - timedelta(minutes=4), carriers=(theme,))
    code = Carrier("code", "MIRA10")
    _order(session, world, "harbour", "10489", runner, placed - timedelta(minutes=3), carriers=(code,))
    world.trial_id = new_id("trl")
    session.add(
        TrialClick(
            id=world.trial_id, shop_id=world.shops["harbour"], token=tokens.make(), product_ref="9001",
            variant_ref="90011", title=HARD_TITLE, way="permalink", made_at=world.now, ended_at=None,
        )
    )  # fmt: skip
    unknown.note(session, world.link_code[:8] + "zz", world.link_code, world.now - timedelta(hours=2))
    shop_settings.change(session, world.shops["harbour"], "minimum_payout", 500, by="staff:Fay")
    audit.record(
        session, "connector", "webhooks.put_back", world.shops["harbour"], shop_id=world.shops["harbour"],
        topics=["orders/paid"],
    )  # fmt: skip


def _settled(session: Session, world: World) -> None:
    """Orders of two months ago: delivered, cleared, settled and paid."""
    month = (world.now.replace(day=1, hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)).replace(day=2)
    placed = month - timedelta(days=27)
    for n, (handle, price) in enumerate((("mira.makes", 8400), ("talb", 5200), ("mira.makes", 12_900))):
        tap = _tap(session, world, "harbour", handle, "9001", placed + timedelta(hours=n))
        delivered = Fulfilment(
            f"f{n}", placed + timedelta(days=1), placed + timedelta(days=2), (FulfilledLine("1", 1),)
        )
        at = placed + timedelta(hours=n + 2)
        _order(session, world, "harbour", str(9800 + n), (_line("1", "9001", price, HARD_TITLE),), at, (tap,),
               changed_at=placed + timedelta(days=2), fulfilments=(delivered,))  # fmt: skip
    harbour = world.shops["harbour"]
    take_in.pin_due(session, harbour, month)
    clear.clear_due(session, harbour, month)
    name = f"{month:%Y-%m}"
    as_of = max(world.now - timedelta(hours=1), month + timedelta(days=31))
    closings = close.close_period(session, harbour, name, min(as_of, world.now), "staff:Fay")
    world.closing_id = closings[0].id
    all_payable(session)
    invoice = settlement.invoice_of(session, closings[0].id)
    assert invoice is not None
    world.invoice_id = invoice.id
    world.statement_id = settlement.statements(session, shop_id=harbour, limit=1)[0].id
    paid = Coming(harbour, "EUR", invoice.total, "SEPA 2026 0042", world.now.date(), "hand")
    world.receipt_id = receipts.record(session, paid, "staff:Fay", world.now)[0].id
    made = batch.prepare(session, f"{name} EUR", "EUR", world.now, "staff:Fay")
    batch.mark_sent(session, made.id, world.now, "staff:Fay")
    world.batch_id, world.payout_id = made.id, batch.transfers(session, made.id)[0].payout_id


def _run(session: Session, world: World, name: str, shop: str, status: str, ago: timedelta, **more: Any) -> SyncRun:
    queued = world.now - ago
    run = SyncRun(
        id=new_id("run"), shop_id=world.shops[shop], kind="full", trigger=more.pop("trigger", "joined"), status=status,
        queued_at=queued, started_at=queued + timedelta(seconds=1), **more,
    )  # fmt: skip
    session.add(run)
    session.flush()
    world.runs[name] = run.id
    return run


def _runs(session: Session, world: World) -> None:
    done = timedelta(seconds=92)
    _run(session, world, "first", "harbour", "done", timedelta(days=100), products_in=12_500, written=12_500,
         finished_at=world.now - timedelta(days=100) + done)  # fmt: skip
    refused = _run(
        session, world, "refusals", "kita", "refusals", timedelta(hours=3), products_in=12_600, written=902,
        same=11_676, refused=22, trigger="schedule", finished_at=world.now - timedelta(hours=3) + done,
    )  # fmt: skip
    for n in range(22):
        code = "price_missing" if n < 14 else "too_many_variants"
        session.add(
            SyncRefusal(
                id=new_id("ref"), run_id=refused.id, shop_id=world.shops["kita"], product_ref=str(880_000 + n),
                title=f"マグカップ {n}", reason=code,
                detail="variant 43201: no price in JPY" if n < 14 else "2,049 variants",
            )
        )  # fmt: skip
    _run(session, world, "failed", "souq", "failed", timedelta(hours=6),
         problem="the store's export failed: it gave no reason",
         finished_at=world.now - timedelta(hours=6) + done)  # fmt: skip
    live = _run(
        session, world, "live", "harbour", "running", timedelta(minutes=3), trigger="schedule", stage="load",
        expected=38_400, lines_read=23_500, products_in=7_812, variants_in=15_600, written=902, same=6_888, refused=22,
        loading_at=world.now - timedelta(minutes=2), heard_at=world.now,
    )  # fmt: skip
    for n, text in enumerate(
        ("Queued (schedule).", "Asked the store for an export.", "The export is ready: 38,400 objects.")
    ):
        at = live.queued_at + timedelta(seconds=20 * n)
        session.add(SyncNote(id=new_id("nte"), run_id=live.id, at=at, text=text))


BODY = {
    "id": 510482, "name": "#10482", "email": EMAIL, "phone": "+49 170 5550142", "currency": "EUR",
    "total_price": "110.80", "browser_ip": "203.0.113.9", "token": "b1946ac92492d2347c6235b4d2611184",
    "note_attributes": [{"name": "connector_touch", "value": "t0k3n"}],
    "customer": {"id": 7_001, "first_name": "Mara", "last_name": "Lindqvist", "email": EMAIL, "tags": ""},
    "shipping_address": {"name": "Mara Lindqvist", "address1": "Elm Street 12", "zip": "10115", "city": "Berlin",
                         "country": "Germany"},
    "line_items": [{"id": 1, "title": HARD_TITLE, "price": "61.00", "quantity": 1,
                    "note": "call +49 30 901820 before delivery"}],
}  # fmt: skip


def _delivery(
    session: Session, world: World, name: str, shop: str | None, topic: str, status: str, **more: Any
) -> None:
    body = more.pop("body", None) or json.dumps(BODY).encode()
    row = DeliveryRow(
        id=new_id("dlv"), platform="shopify", domain=more.pop("domain", "harbour-and-pine.myshopify.com"),
        shop_id=world.shops[shop] if shop else None, topic=topic, delivery_key=new_id("k"), body_key=None,
        delivery_ref=new_id("x")[2:], event_ref=None, triggered_at=None, api_version="2026-10",
        received_at=more.pop("received_at", clock.wall() - timedelta(minutes=8)),
        headers={"x-shopify-topic": topic, "x-shopify-shop-domain": "harbour-and-pine.myshopify.com"},
        body_sealed=vault.current().seal(zlib.compress(body)) if more.pop("kept", True) else None,
        body_hash="0" * 64, body_size=len(body), order_ref=more.pop("order_ref", None), product_ref=None, status=status,
        **{"tries": 1, **more},
    )  # fmt: skip
    session.add(row)
    session.flush()
    world.deliveries[name] = row.id


def _inbox(session: Session, world: World) -> None:
    wall = clock.wall()
    _delivery(session, world, "done", "harbour", "orders/paid", "done", order_ref="510482",
              done_at=wall - timedelta(minutes=7), effects={"order": "applied", "entries": 1}, repeats=2)  # fmt: skip
    _delivery(session, world, "parked", "harbour", "refunds/create", "parked", order_ref="599999",
              reason="parked_orphan", detail="It goes on by itself when the order arrives.")  # fmt: skip
    _delivery(session, world, "failed", "harbour", "orders/updated", "failed", order_ref="510482", tries=4,
              reason="unreadable", detail="$.line_items[0].price: expected a decimal",
              next_try_at=wall + timedelta(minutes=12))  # fmt: skip
    _delivery(session, world, "unknown", None, "orders/create", "parked", domain="not-here.myshopify.com",
              reason="unknown_store")  # fmt: skip
    _delivery(session, world, "expired", "harbour", "orders/create", "done", kept=False,
              received_at=wall - timedelta(days=40), done_at=wall - timedelta(days=40))  # fmt: skip
    _delivery(session, world, "broken", "harbour", "products/update", "parked", body=b"{not json", reason="unreadable",
              detail="$: not JSON")  # fmt: skip
    _delivery(session, world, "foreign", "kita", "orders/updated", "quarantined", order_ref="510481",
              reason="other_shops_ids", done_at=wall - timedelta(minutes=3),
              detail="It names order 510481, which is known under another shop.")  # fmt: skip
    for n in range(58):
        _delivery(session, world, f"many{n}", "harbour", "products/update", "done",
                  received_at=wall - timedelta(hours=1, minutes=n), done_at=wall - timedelta(hours=1))  # fmt: skip
    for n in range(4):
        _delivery(session, world, f"waiting{n}", "kita", "orders/paid", "waiting", tries=0,
                  received_at=wall - timedelta(seconds=8 + n))  # fmt: skip
    session.add(RejectedCount(platform="shopify", day=wall.date().isoformat(), reason="bad_signature", count=3))


def _passes(session: Session, world: World) -> None:
    for shop, status, gaps, missing in (
        ("harbour", "done", [], ["#10391", "#10388"]),
        ("kita", "gaps", [{"order": "#2002", "why": "the store did not answer"}], []),
    ):  # fmt: skip
        at = world.now - timedelta(hours=2)
        session.add(
            Reconciliation(
                id=new_id("rec"), shop_id=world.shops[shop], since=at - timedelta(days=2), started_at=at,
                finished_at=at + timedelta(seconds=9), at_store=64, seen_before=62, fetched=2, evaluated=64 - len(gaps),
                missing=missing, gaps=gaps, status=status,
            )
        )  # fmt: skip
    day = (world.now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    session.add(
        DailyProof(
            shop_id=world.shops["harbour"], day=f"{day:%Y-%m-%d}", time_zone="Europe/Berlin", starts_at=day,
            ends_at=day + timedelta(days=1), status="proved", problem="", tried_at=world.now, proved_at=world.now,
            tries=1, at_store=9, seen=9, evaluated=9, fetched=0, store_ids_hash="a", our_ids_hash="a",
            store_versions_hash="b", our_versions_hash="b", gaps=[],
        )
    )  # fmt: skip
