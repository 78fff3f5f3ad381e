"""The pages of invoices, payments and statements: they answer their people, book what was looked at, once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.ledger import checks
from connector.earnings.payouts import policy
from connector.earnings.payouts.policy import Policy
from connector.earnings.settlement.tables import Receipt
from tests.browser.world import World
from tests.faces.conftest import form_token

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")


def fields(html: str, act: str) -> dict[str, str]:
    """Hidden fields of the form whose button says `act`."""
    form = next(part for part in html.split("<form")[1:] if act in part.split("</form")[0])
    return dict(re.findall(r'type="hidden" name="([a-z_]+)" value="([^"]*)"', form))


def receipts(world: World) -> list[tuple[str, int]]:
    with world.database.read(SYSTEM) as session:
        return [(row.reference, row.amount) for row in session.scalars(sa.select(Receipt).order_by(Receipt.id))]


def test_finance_records_a_payment_after_a_look_and_the_merchant_sees_it(world: World, enter: Enter) -> None:
    fay, harbour, kita = enter("Fay"), enter("harbour"), enter("kita")
    page = fay.get(f"/console/money/invoices/{world.invoice_id}").text
    assert "INV-000001" in page
    assert "Paid" in page
    # asked, looked at, booked; a repeat of the form changes nothing
    asked = {"invoice": "INV-000001", "amount": "12.345", "reference": "SEPA 77", "received_on": ""}
    assert "has more decimals" in fay.get("/console/money/receipts/new", query_string=asked).text
    looked = fay.get("/console/money/receipts/new", query_string={**asked, "amount": "12.00"}).text
    sent = fields(looked, "Record EUR\xa012.00")
    assert "€12.00 after" in re.sub(r"<[^>]+>", "", looked)
    stale = fay.post("/console/money/receipts/new", data={**sent, "token": "other"}).text
    assert "Something changed, look again" in stale
    first = fay.post("/console/money/receipts/new", data=sent)
    again = fay.post("/console/money/receipts/new", data=sent)
    assert first.status_code == again.status_code == 303
    assert first.location == again.location
    assert receipts(world)[1:] == [("SEPA 77", 1200)]
    money = harbour.get("/dashboard/money").text
    assert "You owe nothing" in money
    assert "SEPA 77" in money
    # each file, and nobody else's
    for kind, head in (("pdf", b"%PDF"), ("csv", "\ufeffinvoice".encode())):
        path = f"/dashboard/money/{world.invoice_id}/file.{kind}"
        assert harbour.get(path).data.startswith(head)
        assert kita.get(path).status_code == 404
    assert kita.get(f"/dashboard/money/{world.invoice_id}").status_code == 404
    rows = list(csv.DictReader(io.StringIO(fay.get(f"/console/money/statements/{world.statement_id}/file.csv").text)))
    assert rows
    # taken back with a reason
    path = first.location + "/undo"
    token = form_token(fay, first.location)
    assert "empty" in fay.post(path, data={"csrf_token": token, "why": " "}).text
    assert fay.post(path, data={"csrf_token": token, "why": "bounced"}).status_code == 303
    assert [amount for _, amount in receipts(world)[1:]] == [1200, -1200]
    with world.database.read(SYSTEM) as session:
        assert checks.examine(session) == []


def test_a_period_is_closed_after_a_look_and_a_banks_file_is_read_before_it_is_booked(
    world: World, enter: Enter
) -> None:
    fay, kim = enter("Fay"), enter("Kim")
    due = fay.get("/console/money/close").text
    path = re.search(r'href="(/console/money/close\?[^"]+)"', due)
    assert path is not None
    looked = fay.get(path[1].replace("&amp;", "&")).text
    period = re.search(r">Close ([0-9W-]+)</button>", looked)
    assert period is not None
    sent = fields(looked, f"Close {period[1]}")
    assert "Something changed" in fay.post("/console/money/close", data={**sent, "token": "other"}).text
    done = fay.post("/console/money/close", data=sent)
    assert done.status_code == 303
    assert period[1] in fay.get(done.location).text
    assert "is closed already" in fay.post("/console/money/close", data=sent).text
    text = "date,amount,currency,reference,text\n2026-01-05,5.00,EUR,b 1,INV-000001\n2026-01-05,5.00,EUR,b 2,thanks\n"
    token = form_token(fay, "/console/money/receipts/file")
    dry = fay.post("/console/money/receipts/file", data={"csrf_token": token, "text": text}).text
    assert "Record 1 payment" in dry
    assert "no_invoice_named" in dry
    before = len(receipts(world))
    booked = fay.post("/console/money/receipts/file", data={"csrf_token": token, "text": text, "book": "1"}).text
    assert "1 recorded" in re.sub(r"<[^>]+>", "", booked)
    assert len(receipts(world)) == before + 1
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(policy, "_current", Policy("6", 4))
        more = text.replace("b 1", "b 3").replace("5.00", "1.01")  # with the 5.00 of a moment ago it passes 6.00
        file = {"csrf_token": token, "text": more}
        assert "1 would wait for a second person" in fay.post("/console/money/receipts/file", data=file).text
        assert (
            "1 waits for a second person" in fay.post("/console/money/receipts/file", data={**file, "book": "1"}).text
        )
    assert "b 3" in fay.get("/console/money/receipts").text
    assert len(receipts(world)) == before + 1
    broken = fay.post("/console/money/receipts/file", data={"csrf_token": token, "text": "date;amount"}).text
    assert "There is a problem" in broken
    for sent, problem in ((b"date,amount\n" * 40_000, "larger than 400 kB"), (text.encode("utf-16"), "UTF-8")):
        form = {"csrf_token": token, "file": (io.BytesIO(sent), "bank.csv")}
        assert problem in fay.post("/console/money/receipts/file", data=form).text
    lines = [f'2026-01-05,1.00,EUR,c {number},"INV-000001 & co <{"x" * 5000}>"\n' for number in range(75)]
    form = {"csrf_token": token, "file": (io.BytesIO((text[:36] + "".join(lines)).encode()), "bank.csv")}
    looked = fields(fay.post("/console/money/receipts/file", data=form).text, "Record 75 payments")
    assert len(looked["text"]) > 350_000
    looked["text"], looked["book"] = "date;amount", ""  # a file nearly as long as allowed can be sent back
    assert fay.post("/console/money/receipts/file", data=looked).status_code == 200
    for path_of in ("/console/money/invoices", "/console/money/receipts", "/console/money/close"):
        assert kim.get(path_of).status_code == 403
        assert fay.get(path_of).status_code == 200


def test_a_shop_whose_currency_nobody_told_has_nothing_to_close(world: World, enter: Enter) -> None:
    fresh = world.shops["fresh"]
    with world.database.write(SYSTEM) as session:
        shop = session.get_one(Shop, fresh)
        shop.currency, shop.installed_at = "", world.now - timedelta(days=70)
        name = f"{world.now - timedelta(days=40):%Y-%m}"
    fay, page = enter("Fay"), f"/console/money/close?shop={fresh}&period={name}"
    assert "Just Joined" not in fay.get("/console/money/close").text
    assert "has told no currency yet" in fay.get(page).text
    form = {"csrf_token": form_token(fay, "/console/money"), "shop": fresh, "period": name}
    form |= {"as_of": world.now.isoformat(), "token": ""}
    answer = fay.post("/console/money/close", data=form)
    assert "there is nothing to close" in answer.text
