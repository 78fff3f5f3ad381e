"""The report pages of merchants and support: one engine, each reader's own words, figures that lead to orders."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal

from flask.testing import FlaskClient

from connector import clock
from connector.db import Scope
from connector.earnings.commission import fees
from tests.browser.world import World

Enter = Callable[[str], FlaskClient]


def test_a_figure_leads_to_its_orders_in_every_face(world: World, enter: Enter) -> None:
    harbour, kim = enter("harbour"), enter("Kim")
    mira = world.creators["mira.makes"]
    with world.database.write(Scope.system("test")) as session:
        fees.owe(
            session, subject=fees.flat_fee("neg_1"), kind="flat_fee", shop_id=world.shops["harbour"], creator_id=mira,
            currency="EUR", amount=9000, reason="content_approved", at=clock.now(),
        )  # fmt: skip
    by_video = harbour.get("/dashboard/sales?by=content").text
    assert "From tap to sale" in by_video
    assert "From joining to selling" in by_video
    # Where each can be seen is a click away, wherever it is read about.
    seen = 'href="https://app.example/v/mira.makes" target="_blank" rel="noopener noreferrer nofollow"'
    console = ("/console/sales?by=content", f"/console/creators/{mira}")
    for face, paths in ((harbour, ("/dashboard/sales?by=content", f"/dashboard/creators/{mira}")), (kim, console)):
        assert all(seen in face.get(path).text for path in paths)
    for by in ("creator", "content", "product", "collaboration", "day"):
        text = harbour.get(f"/dashboard/sales?by={by}").text
        path = re.search(r'<th scope="row" role="rowheader"><a href="(/dashboard/sales/orders[^"]+)"', text)
        assert path, by
        assert "10482" in harbour.get("/dashboard/sales/orders").text
        assert harbour.get(path.group(1).replace("&amp;", "&")).status_code == 200
    orders = harbour.get(f"/dashboard/sales/orders?creator={mira}").text
    assert "10482" in orders
    assert "10486" not in orders
    rows = list(csv.DictReader(io.StringIO(harbour.get("/dashboard/sales/orders.csv").text)))
    report = list(csv.DictReader(io.StringIO(harbour.get("/dashboard/sales/report.csv?by=creator").text)))
    for column in ("sales", "net_sales", "commission", "earned"):
        assert sum(Decimal(row[column] or 0) for row in rows) == sum(Decimal(row[column] or 0) for row in report) > 0
    # What no order earned is in the creator's row, and by product in one of its own.
    assert [row["flat_fees"] for row in report if row["creator"] == mira] == ["90.00"]
    assert "Flat fees" in harbour.get("/dashboard/sales?by=product").text
    alone = harbour.get("/dashboard/sales/orders?product=flat_fee").text
    assert "Beside orders" in alone
    assert "10482" not in alone
    # One currency's figure leads to that currency's orders.
    (its,) = set(re.findall(r'href="([^"]+)">Its orders', harbour.get("/dashboard/sales").text))
    assert "currency=EUR" in its
    assert "10482" in harbour.get(its).text
    assert "10482" not in harbour.get("/dashboard/sales/orders?currency=JPY").text
    assert "JPY" in harbour.get("/dashboard/sales/orders?currency=JPY").text
    turned = harbour.get("/dashboard/sales?since=2026-11-30&until=2026-11-01")
    assert (turned.status_code, "1 Nov 2026 to 30 Nov 2026" in turned.text) == (200, True)
    assert harbour.get("/dashboard/sales?since=2026-13-01").status_code == 422
    assert harbour.get("/dashboard/sales?since=2020-01-01").status_code == 422
    chart = harbour.get("/dashboard/sales/EUR/wide-light.svg?by=product")
    assert chart.mimetype == "image/svg+xml"
    # A shop's terms and another creator's content narrow nobody else's report.
    assert enter("kita").get(f"/dashboard/sales?creator={mira}").status_code == 200
    assert "10482" not in enter("kita").get(f"/dashboard/sales/orders?creator={mira}").text
    console = kim.get(f"/console/sales?shop={world.shops['harbour']}&by=creator").text
    assert "Mira Okafor" in console
    assert "10482" in kim.get(f"/console/sales/orders?creator={mira}").text
    assert kim.get("/console/sales/report.csv").text.startswith("shop,name,currency")
    assert kim.get("/console/sales?since=2026-01-01").status_code == 422
    assert kim.get("/console/sales/orders.csv").text.count("\r\n") > len(rows)
