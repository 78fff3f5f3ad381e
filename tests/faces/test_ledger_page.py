"""The ledger's pages: what stands where, how far it is sealed, and files that other programs take."""

from __future__ import annotations

import json
from collections.abc import Callable

import sqlalchemy as sa
from flask.testing import FlaskClient

from connector import db
from connector.audit import AuditRow
from connector.db import Scope
from connector.operations import sealing
from tests.browser.world import World
from tests.ledger import exported

Enter = Callable[[str], FlaskClient]


def test_the_ledger_is_shown_and_downloaded(world: World, enter: Enter) -> None:
    fay, kim = enter("Fay"), enter("Kim")
    here = f"/console/money/ledger/{world.shops['harbour']}/EUR"
    assert kim.get(here).status_code == 403
    before = fay.get(here).text
    assert "entries wait for the seal" in before
    assert "It adds up: debits and credits of all accounts are equal." in before
    sealing.seal_waiting()
    page, listed = fay.get(here).text, fay.get("/console/money/ledger").text
    for said in ("Every entry is sealed.", "Merchant owes", "Mira Okafor", "Settled in a statement", "Europe/Berlin"):
        assert said in page, said
    assert "All entries are sealed." in listed
    assert here in listed

    beans = fay.get(f"{here}/export?format=beancount")
    assert beans.headers["Content-Disposition"].endswith('.beancount"')
    assert exported.of_beancount(beans.text)[1] == []
    lines = [json.loads(line) for line in fay.get(f"{here}/export?format=jsonl").text.splitlines()]
    assert lines[-1]["end"]["entries"] == sum("entry" in line for line in lines) > 0
    assert fay.get(f"{here}/export?format=csv&since=2020-01-01&until=2020-02-01").text.count("\n") == 1
    with db.read(Scope.system("test")) as session:
        acts = session.scalars(sa.select(AuditRow).where(AuditRow.act == "ledger.export")).all()
        assert {(row.actor, row.detail["format"]) for row in acts} == {
            ("staff:Fay", "beancount"), ("staff:Fay", "jsonl"), ("staff:Fay", "csv"),
        }  # fmt: skip
    assert "Ledger downloaded" in fay.get("/console/audit").text


def test_what_is_no_ledger_is_said(world: World, enter: Enter) -> None:
    fay = enter("Fay")
    shop = world.shops["harbour"]
    assert fay.get(f"/console/money/ledger/{shop}/CHF").status_code == 404
    assert fay.get("/console/money/ledger/shp_none/EUR").status_code == 404
    here = f"/console/money/ledger/{shop}/EUR/export"
    for query in ("format=xls", "format=csv&since=yesterday", "format=csv&since=2026-11-02&until=2026-11-01"):
        assert fay.get(f"{here}?{query}").status_code == 422, query
