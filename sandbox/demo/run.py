"""The demo from start to proofs. Every step goes over HTTP or through a command, as a user's would."""

from __future__ import annotations

import csv
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from cryptography.fernet import Fernet

from sandbox.demo import joining, programme, proofs, trade
from sandbox.demo.app import App
from sandbox.demo.processes import PortTaken, Processes, free_ports
from sandbox.demo.show import Screen
from sandbox.demo.stores import Clock, Doc, Refused, Stores
from sandbox.demo.trade import Day, Shop
from sandbox.expected import expected

CLIENT_ID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
VIDEOS_SHOWN = 5
# The usual ones, and what lets samples be ordered at the store.
SHOPIFY_SCOPES = "read_products,read_orders,read_fulfillments,write_draft_orders,write_orders"
MISBEHAVIOUR = {"drop": 0.06, "drop_orders": 0.03, "duplicate": 0.12, "reorder": 0.65, "hold_seconds": 20.0}
SCOPES = (
    "shops:read", "listings:read", "creators:read", "creators:write", "collaborations:read", "collaborations:write",
    "links:write", "messages:read", "messages:write", "samples:read", "samples:write",
    "touches:write", "orders:read", "earnings:read", "payees:write", "notices:read",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    db: str
    products: int
    buyers: int
    seed: int
    directory: Path
    repair: bool = True
    usual_ports: bool = True  # 8080 and 8471 where they are free, else the next; False: any
    misbehaviour: Doc = field(default_factory=lambda: dict(MISBEHAVIOUR))


class Demo:
    """State of one run; `day()` does all of it and says whether every proof holds."""

    def __init__(self, plan: Plan, screen: Screen) -> None:
        self.plan = plan
        self.screen = screen
        self.home = (plan.directory / "demo" / plan.db).resolve()
        self.processes = Processes(self.home / "logs")
        self.env: dict[str, str] = {}
        self.files: list[Path] = []
        self.proofs: list[Doc] = []

    # --- the stages ---

    def day(self) -> bool:
        screen = self.screen
        with screen.stage("start", "Starting: database, stand-in stores, web, worker"):
            self._start_somewhere()
        with screen.stage("join", "Joining five stores of three platforms, each by its platform's own entry"):
            self._join()
        with screen.stage("sync", "Reading their catalogs"):
            self._sync()
        with screen.stage("programme", "Creators join, are invited, negotiate, post; the rules refuse a product"):
            programme.programme(self.running, self.plan.seed)
        self.stores.call("PUT", "/misbehaviour", seed=self.plan.seed, **self.plan.misbehaviour)
        with screen.stage("trade", f"{self.plan.buyers} buyers; deliveries get lost, doubled and out of order"):
            self._with_bar("buyers", lambda tell: trade.trade(self.running, self.plan.seed, tell))
        with screen.stage("afterwards", "Deliveries, refunds, edits, cancellations; the catalogs move"):
            self._with_bar("orders", lambda tell: trade.afterwards(self.running, self.plan.seed, tell))
            programme.sample_arrives(self.running, self.running.shops[0])
            self.stores.quiesce()
            self.app.wait_until_drained()
        with screen.stage("reconcile", "Reconciling: what got lost is found and fetched"):
            self._reconcile()
        with screen.stage("hold", "The hold passes: decisions are pinned, money clears"):
            self.clock.forward(timedelta(days=20))
            self._connector("pin")
            self._connector("clear")
            self._connector("samples", "follow")
        with screen.stage("close", "The month is closed, merchants pay their invoices, creators are paid"):
            self._close()
        with screen.stage("proofs", "Proofs"):
            return self.prove()

    def _start_somewhere(self, tries: int = 3) -> None:
        """`_start`, again on other ports where somebody was quicker."""
        for left in reversed(range(tries)):
            try:
                self._start()
                return
            except PortTaken:
                self.processes.stop()
                if not left:
                    raise

    def _start(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        web, store = free_ports(*((8080, 8471) if self.plan.usual_ports else (None, None)))
        self.public_url, self.store_url = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{store}"
        self.clock = Clock(self.home / "clock")
        secret = secrets.token_hex(16)
        self.env = {
            "CONNECTOR_ENV": "dev",
            "CONNECTOR_DATABASE_URL": self._database(),
            "CONNECTOR_PUBLIC_URL": self.public_url,
            "CONNECTOR_PORT": str(web),
            "CONNECTOR_SEALING_KEYS": Fernet.generate_key().decode(),
            "CONNECTOR_HASH_KEY": secrets.token_urlsafe(48),
            "CONNECTOR_SESSION_KEY": secrets.token_urlsafe(48),
            "CONNECTOR_CLOCK_FILE": str(self.clock.path),
            "CONNECTOR_REQUESTS_PER_MINUTE": "60000",
            "SHOPIFY_SCOPES": SHOPIFY_SCOPES,
            "SHOPIFY_CLIENT_ID": CLIENT_ID,
            "SHOPIFY_CLIENT_SECRET": secret,
            "SHOPIFY_ORIGIN_TEMPLATE": f"{self.store_url}/shops/{{shop}}",
            "BIGCOMMERCE_CLIENT_ID": CLIENT_ID,
            "BIGCOMMERCE_CLIENT_SECRET": secret,
            "BIGCOMMERCE_API_ORIGIN": f"{self.store_url}/bigcommerce-api",
            "BIGCOMMERCE_LOGIN_ORIGIN": f"{self.store_url}/bigcommerce-login",
            "BIGCOMMERCE_STOREFRONT_TEMPLATE": f"{self.store_url}/bigcommerce/{{hash}}",
        }
        self._connector("migrate")
        self.processes.start(
            "stores",
            [
                sys.executable, "-m", "sandbox", "--port", str(store), "--state-dir", str(self.home / "stores"),
                "--client-id", CLIENT_ID, "--client-secret", secret, "--clock-file", str(self.clock.path),
                "--app-url", f"{self.public_url}/shopify/launch",
                "--redirect-uri", f"{self.public_url}/oauth/shopify/callback",
                "--compliance-uri", f"{self.public_url}/webhooks/shopify", "--retry-compression", "2000",
                # A day of trade passes in a minute: the API limits of a large plan, not of the smallest.
                "--bucket-size", "20000", "--restore-rate", "1000",
            ],
        )  # fmt: skip
        for name in ("serve", "worker"):
            self.processes.start(name, [sys.executable, "-m", "connector", name], self.env)
        self.processes.wait_for("stores", f"{self.store_url}/control/health")
        if requests.get(f"{self.store_url}/control/health", timeout=5).json()["shops"]:
            raise RuntimeError(f"somebody else's stores answer at {self.store_url}: start again")
        self.processes.wait_for("serve", f"{self.public_url}/readyz")
        scopes = [part for scope in SCOPES for part in ("--scope", scope)]
        token = self._connector("token", "new", "demo", *scopes).split()[-1]
        self.app = App(self.public_url, token)
        self.stores = Stores(self.store_url)
        self.running = Day(self.app, self.stores, self.clock, self._shops(), self.clock.now())
        for shop in self.running.shops:
            self.stores.call(
                "POST", "/shops", shop=shop.name, platform=shop.platform, title=shop.title, currency=shop.currency,
                tax_rate="0.20", shipping_price=shop.shipping,
                taxes_included=shop.taxes_included, timezone=shop.time_zone, products=shop.products,
            )  # fmt: skip
            made = self.stores.call("GET", f"/shops/{shop.name}")
            shop.domain, shop.origin = made["domain"], made["origin"]
            if shop.platform == "bigcommerce":  # as above: ten times the quota of the largest plan
                self.stores.call("PUT", f"/bigcommerce/{shop.name}/quota", calls=4500, seconds=30)

    def _database(self) -> str:
        if self.plan.db == "sqlite":
            return f"sqlite:///{self.home / 'connector.db'}"
        said = self.home / "postgresql.url"
        command = [sys.executable, "-m", "sandbox.demo.postgresql", str(self.home / "postgresql"), str(said)]
        self.processes.start("postgresql", command)
        end = time.monotonic() + 60
        while not (said.exists() and said.read_text()):
            self.processes.check("postgresql")
            if time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.processes.tail('postgresql')}")
            time.sleep(0.1)
        return said.read_text().strip()

    def _shops(self) -> list[Shop]:
        many, buyers = self.plan.products, self.plan.buyers
        small = {"count": max(20, many // 12), "variants_each": 3}
        first = {
            "count": many, "seed": self.plan.seed, "large": min(4, many // 50), "largest": many >= 100,
            "bad": {"html_title": 2, "price_decimals": 2, "no_image": 3, "draft": 3, "archived": 2, "sold_out": 3},
        }  # fmt: skip
        rest = buyers - 4 * (buyers // 5)
        return [
            Shop(
                "harbour-and-pine.myshopify.com", "Harbour & Pine", "USD", "America/New_York", False, "5.00",
                first, 1500, rest,
            ),
            Shop(
                "sakura-goods.myshopify.com", "Sakura Goods", "JPY", "Asia/Tokyo", True, "600", small, 800, buyers // 5
            ),
            Shop(
                "marina-souq.myshopify.com", "Marina Souq", "KWD", "Asia/Kuwait", False, "1.250", small, 1225,
                buyers // 5,
            ),
            Shop(
                "lantern-and-loom", "Lantern & Loom", "USD", "America/Los_Angeles", True, "6.00", small, 1000,
                buyers // 5, platform="woocommerce",
            ),
            Shop(
                "k1ln8works", "Kiln Works", "USD", "America/Chicago", False, "7.50", small, 900, buyers // 5,
                platform="bigcommerce",
            ),
        ]  # fmt: skip

    def _join(self) -> None:
        for shop in self.running.shops:
            joining.join(self.public_url, self.store_url, shop)
        known = {one["domain"]: one["id"] for one in self.app.shops()}
        for shop in self.running.shops:
            shop.shop_id = known[shop.domain]

    def _sync(self) -> None:
        with self.screen.bar("products read") as bar:
            end = time.monotonic() + 120
            while True:
                self.processes.check()
                runs = [self.app.sync(shop.shop_id) for shop in self.running.shops]
                read = sum(run["written"] + run["same"] + run["refused"] for run in runs)
                bar.update(bar.task_ids[0], completed=read, total=max(read, self.plan.products))
                broken = [run for run in runs if run["status"] in ("failed", "asks_you", "stopped")]
                if broken or time.monotonic() > end:
                    raise RuntimeError(f"a catalog could not be read: {broken or runs}")
                if all(run["status"] in ("done", "refusals") for run in runs):
                    bar.update(bar.task_ids[0], completed=read, total=read)
                    return
                time.sleep(0.3)

    def _with_bar(self, title: str, work: Any) -> None:
        with self.screen.bar(title) as bar:
            work(lambda done, whole: bar.update(bar.task_ids[0], completed=done, total=whole))

    def _reconcile(self) -> None:
        self.stores.call("DELETE", "/misbehaviour")
        if self.plan.repair:
            self._connector("reconcile")
            # A lost products/update is found by reading the catalogs again.
            self._at_once(lambda shop: self._connector("sync", shop.domain), self.running.shops)
            self.app.wait_until_drained()

    def _close(self) -> None:
        now = self.clock.now()
        month = now.astimezone(ZoneInfo("America/New_York")).strftime("%Y-%m")
        turn = (datetime(now.year, now.month, 1, tzinfo=now.tzinfo) + timedelta(days=32)).replace(day=1)
        self.clock.forward(turn + timedelta(days=1, hours=14) - now)
        self._connector("clear")
        self._connector("close", month)
        self._receive()
        folder = self.home / "payouts"

        def pay(currency: str) -> None:
            key = f"demo {month} {currency}"
            said = self._connector("payout", "prepare", "--currency", currency, "--key", key, "--folder", str(folder))
            batch = next(word.rstrip(":") for word in said.split() if word.startswith("bat_"))
            self._connector("payout", "sent", batch)
            self._connector("payout", "paid", batch)

        self._at_once(pay, ["USD", "JPY", "KWD"])
        self.files = sorted(folder.glob("*.csv"))

    def _receive(self) -> None:
        """What finance does when the merchants' transfers arrive: one receipt an invoice, from a bank's own file."""
        path = self.home / "bank.csv"
        rows = []
        for shop in self.running.shops:
            for account in self.app.get("/invoices", shop_id=shop.shop_id)["items"]:
                for row in account["invoices"]:
                    if row["open"]["amount"]:
                        rows.append(
                            {
                                "date": self.clock.now().date().isoformat(), "amount": row["open"]["decimal"],
                                "currency": row["open"]["currency"], "reference": f"demo transfer for {row['number']}",
                                "text": f"{shop.title}, {row['number']}",
                            }
                        )  # fmt: skip
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ("date", "amount", "currency", "reference", "text"))
            writer.writeheader()
            writer.writerows(rows)
        self._connector("receipt", "import", str(path))
        self._connector("receipt", "import", str(path), "--book")

    # --- the proofs ---

    def prove(self) -> bool:
        """Read both witnesses afresh, show and write down what they say; does every proof hold?"""
        journal = self.stores.journal("products", "orders")
        should = expected(journal, journal["notes"], self.running.rates, fees=self.running.fees)
        names = {shop.shop_id: shop.name for shop in self.running.shops}
        told = self.app.tell(names, _paid(self.files), self.running.began)
        self.proofs = proofs.all_proofs(journal, told, should)
        rows = self._rows(should, told)
        self.screen.table(
            "What the day came to",
            ("content", "currency", "sales", "refunds", "commission", "fees", "paid"),
            [[value for name, value in row.items() if name != "creator"] for row in rows],
        )
        self._show_report(told)
        self.screen.proofs(self.proofs)
        counts = self._counts(journal, told)
        trouble = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts["deliveries"].items())
        self.screen.say(f"  deliveries: {trouble}")
        report = {
            "database": self.plan.db, "proofs": self.proofs, "table": rows, **counts,
            "seconds": self.screen.seconds,
        }  # fmt: skip
        path = self.plan.directory / "demo-report.json"
        path.write_text(json.dumps(report, indent=2))
        self.screen.say(f"  report: {path}")
        return all(one["holds"] for one in self.proofs)

    def _rows(self, should: Doc, told: Doc) -> list[Doc]:
        """The table: sales and refunds by the journal, commission and paid as the connector says."""
        paid = told["paid_by_content"]
        sums: dict[tuple[str, str, str], list[int]] = {}
        for line in should["lines"]:
            if line["creator"] is not None:
                row = sums.setdefault((line["creator"], line["content"], line["currency"]), [0, 0])
                row[0] += line["base"]
                row[1] += line["refunded_base"]
        fees: dict[tuple[str, str, str], int] = {}
        for fee in self.running.fees:
            key = (fee["creator"], fee["content"], fee["currency"])
            fees[key] = fees.get(key, 0) + fee["amount"]
            sums.setdefault(key, [0, 0])
        due: dict[tuple[str, str, str], int] = {}
        for shop in told["shops"]:
            for order in shop["orders"]:
                for line in order["lines"]:
                    if line["creator"]:
                        key = (line["creator"], line["content"], order["currency"])
                        due[key] = due.get(key, 0) + line["due"]
        return [
            {
                "creator": creator, "content": content, "currency": currency, "sales": decimal(sales, currency),
                "refunds": decimal(refunds, currency), "commission": decimal(due.get(key, 0), currency),
                "fees": decimal(fees.get(key, 0), currency), "paid": decimal(paid.get(key, 0), currency),
            }
            for key, (sales, refunds) in sorted(sums.items())
            for creator, content, currency in [key]
        ]  # fmt: skip

    def _show_report(self, told: Doc) -> None:
        """The first shop's report as its merchant reads it: which video sold what."""
        shop = self.running.shops[0]
        rows = next(one["report"] for one in told["shops"] if one["shop"] == shop.name)
        best = sorted(rows, key=lambda row: -int(row["net_sales"]))[:VIDEOS_SHOWN]
        self.screen.table(
            f"The videos that sold most for {shop.title}",
            ("video", "views", "taps", "orders", "net sales", "commission", "fee"),
            [
                [row["content"], row["views"] or 0, row["taps"], row["orders"],
                 decimal(row["net_sales"], row["currency"]), decimal(row["commission"], row["currency"]),
                 decimal(row["flat_fee"], row["currency"])]
                for row in best
            ],
        )  # fmt: skip

    def _counts(self, journal: Doc, told: Doc) -> Doc:
        counts = journal["counts"]
        return {
            "deliveries": {
                "sent": counts["sent"], "dropped": counts["dropped"], "duplicated": counts["duplicated"],
                "reordered": counts["reordered"],
                "received": sum(shop["deliveries"]["received"] for shop in told["shops"]),
                "repeats": sum(shop["deliveries"]["repeats"] for shop in told["shops"]),
                "orders_repaired": sum(shop["repaired"] for shop in told["shops"]),
            },
            "trade": self.running.counts,
        }  # fmt: skip

    def invite(self) -> None:
        """Where to look, with links to sign in."""
        self.screen.say("\n[bold]It stays up until Ctrl-C.[/bold] Sign-in links are good once, for ten minutes:")
        console = self._connector("staff", "link", "demo", "--role", "admin").split()[-1]
        self.screen.say(f"  console     {console}")
        shop = self.running.shops[0]
        self.screen.say(f"  dashboard   {self._connector('merchant', 'link', shop.domain).split()[-1]}")
        self.screen.say(f"  studio      {self._connector('creator', 'link', 'mira').split()[-1]}")
        self.screen.say(f"  storefront  {shop.origin}/")
        self.screen.say(f"  its admin   {shop.origin}/admin/orders  (play the merchant)")
        for other in self.running.shops:
            if other.platform != "shopify":
                self.screen.say(f"  {other.platform:<11} {other.origin}/")
        self.screen.say(f"  a creator's link  {self.running.links[0].url}")
        self.screen.say(f"  API         {self.public_url}/docs")

    def _at_once(self, work: Callable[[Any], Any], items: list[Any]) -> None:
        """Two at a time: most of a command's time is Python starting."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, items))

    def _connector(self, *command: str) -> str:
        """Run a command as an operator would; what it printed. Errors: Refused with its words."""
        done = subprocess.run(
            [sys.executable, "-m", "connector", *command],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = done.stderr.strip() or done.stdout
            raise Refused(f"connector {' '.join(command)} → {done.returncode}: {said}")
        return done.stdout


def _paid(files: list[Path]) -> list[Doc]:
    """The rows of the payout files, as a bank would read them."""
    rows = []
    for path in files:
        with path.open(newline="", encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    return rows


def decimal(amount: int, currency: str) -> str:
    """Minor units as people write them, for the table."""
    digits = {"JPY": 0, "KWD": 3}.get(currency, 2)
    whole, part = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole:,}" + (f".{part:0{digits}d}" if digits else "")
