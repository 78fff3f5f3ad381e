"""The money act of a payout over HTTP: ask, preview, book, approve, fetch, hear; and a creator's own page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from connector import clock, notices
from connector.access import links, staff, studio
from connector.audit import AuditRow
from connector.db import Database
from connector.earnings.payouts import policy
from connector.earnings.payouts.policy import Policy
from connector.earnings.payouts.tables import BankExchange, Payout, PayoutBatch
from tests.conftest import wired
from tests.payees.details import MIRA
from tests.payouts.test_exchange import converted
from tests.settlement.books import SYSTEM, Books, utc
from tests.web.conftest import settings

Enter = Callable[[str], FlaskClient]
PREVIEW = "/console/payouts/new?currency=EUR&rail=csv&key=one"


@pytest.fixture
def books(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Books:
    monkeypatch.setattr(policy, "_current", Policy("10", 4, stripe_key="sk_test_1"))
    monkeypatch.setattr(clock, "now", lambda: utc("2026-12-10"))
    return Books(sqlite_database)


@pytest.fixture
def app(books: Books) -> Flask:
    return wired(settings())


@pytest.fixture
def enter(app: Flask, books: Books) -> Enter:
    def go(who: str) -> FlaskClient:
        client = app.test_client()
        with books.database.write(SYSTEM) as session:
            if who.startswith("crt_"):
                path = f"/studio/sign-in/link/{studio.link(session, who, by='test')[0]}"
            else:
                person = staff.ensure(session, who, "support" if who == "Kim" else "finance", by="command").id
                path = f"/console/sign-in/link/{links.issue(session, 'staff', person)}"
        assert post(client, path, path).status_code == 303
        return client

    return go


def post(client: FlaskClient, page: str, path: str, **data: str):  # type: ignore[no-untyped-def]
    """Send a form of a page: with its hidden fields as they stand there."""
    text = client.get(page).text
    token = re.findall(r'name="csrf_token" value="([^"]+)"', text)[-1]
    return client.post(path, data={"csrf_token": token, **data})


def hidden(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))


def settle(books: Books, shop: str, creator_id: str, amount: int, month: str = "2026-11") -> None:
    books.line(shop, creator_id, amount, clears_at=utc("2026-11-16"), currency="EUR")
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, month, utc("2026-12-02"))


def test_from_the_question_to_an_outcome(books: Books, enter: Enter) -> None:
    shop, mira = books.shop("EUR"), books.creator("mira")
    settle(books, shop, mira, 1500)
    fay, jo = enter("Fay"), enter("Jo")
    assert enter("Kim").get("/console/payouts").status_code == 403
    seen = re.findall(r'name="seen" value="(\w+)"', fay.get(PREVIEW).text)[0]
    asked = {"currency": "EUR", "rail": "csv", "key": "one", "minimum": ""}
    moved = post(fay, PREVIEW, "/console/payouts", **asked, seen="0" * 16)
    assert "Something changed, look again" in moved.text
    assert books.rows(PayoutBatch) == []
    booked = post(fay, PREVIEW, "/console/payouts", **asked, seen=seen)
    page = booked.headers["Location"]
    [made] = books.rows(PayoutBatch)
    assert (made.status, made.total, page) == ("awaiting", 1500, f"/console/money/batches/{made.id}")

    act = f"/console/payouts/{made.id}"
    assert post(fay, page, f"{act}/approve").status_code == 403
    assert post(fay, page, f"{act}/file").status_code == 409
    assert post(jo, page, f"{act}/approve").status_code == 303
    file = post(fay, page, f"{act}/file")
    assert (file.mimetype, file.headers["Cache-Control"]) == ("text/csv", "no-store")
    assert MIRA.iban in file.text
    assert MIRA.iban not in fay.get(page).text
    assert post(fay, page, f"{act}/sent").status_code == 303

    payout_id = books.rows(Payout)[0].id
    heard = "/console/payouts/outcomes"
    listed = f"reference,outcome,reason\n{payout_id},unknown,no word\n{payout_id}x,lost,\n"
    looked = post(fay, heard, heard, text=listed)
    assert "Record 1 outcome" in looked.text
    assert "Line 3" in looked.text
    assert books.rows(Payout)[0].status == "sent"
    assert "1 recorded, 0 known already, 1 refused" in post(fay, heard, heard, text=listed, book="1").text
    assert "lacks a column" in post(fay, heard, heard, text="a,b\n").text
    unknown = "/console/payouts/unknown"
    assert "Say where you looked." in post(fay, unknown, f"{unknown}/{payout_id}", outcome="failed", why=" ").text
    assert post(fay, unknown, f"{unknown}/{payout_id}", outcome="failed", why="not at the bank").status_code == 303
    assert books.balance(mira).settled == 1500
    told = fay.get(f"/console/payouts/transfers/{payout_id}").text
    assert "not at the bank" in told
    assert "no word" in told
    acts = [row.act for row in books.rows(AuditRow) if row.subject == made.id]
    assert acts == ["payout.prepare", "payout.approve", "payout.file", "payout.sent"]


def test_what_goes_by_calls_is_given_to_a_worker(books: Books, enter: Enter) -> None:
    from connector.programme.creators import register
    from connector.programme.creators.payees import Details
    from tests.payees.details import payable

    with books.database.write(SYSTEM) as session:
        mira = register.register(session, "mira", "Mira", 10, utc("2026-01-01")).id
        payable(session, mira, details=Details(name="M", country="US", stripe_account="acct_1MTfjCQ9PRzxEwkZ"))
    settle(books, books.shop("EUR"), mira, 900)
    fay = enter("Fay")
    preview = PREVIEW.replace("rail=csv", "rail=stripe")
    seen = re.findall(r'name="seen" value="(\w+)"', fay.get(preview).text)[0]
    page = post(fay, preview, "/console/payouts", currency="EUR", rail="stripe", key="one", seen=seen).headers[
        "Location"
    ]
    [made] = books.rows(PayoutBatch)
    assert made.status == "prepared"
    assert post(fay, page, f"/console/payouts/{made.id}/file").status_code == 409
    assert post(fay, page, f"/console/payouts/{made.id}/call").status_code == 303
    with books.database.read(SYSTEM) as session:
        queued = sa.text("SELECT count(*) FROM workflow_status WHERE name = 'payouts.call'")
        assert session.scalar(queued) == 1
    assert books.rows(PayoutBatch)[0].handed_at == utc("2026-12-10")


def test_a_rate_is_entered_once(books: Books, enter: Enter) -> None:
    fay, path = enter("Fay"), "/console/payouts/rates"
    given = {"base": "eur", "quote": "USD", "rate": "1.0842", "source": "ECB", "quoted_at": "2026-12-09T16:00:00+01:00"}
    assert "with its offset" in post(fay, path, path, **given | {"quoted_at": "yesterday"}).text
    assert "Send a plain decimal above zero" in post(fay, path, path, **given | {"rate": "1,08"}).text
    assert post(fay, path, path, **given).status_code == 303
    assert "a rate of that moment stands already" in post(fay, path, path, **given | {"rate": "1.09"}).text
    assert "EUR 1 = USD 1.0842" in fay.get(path).text


def test_a_creator_changes_confirms_and_refuses(books: Books, enter: Enter) -> None:
    mira = books.creator("mira")
    browser, path = enter(mira), "/studio/payments"
    assert "You are paid to account ending 3000" in browser.get(path).text
    given = {"name": "Mira O.", "country": "NL", "iban": "NL91ABNA0417164300"}
    wrong = post(browser, path, path, **given | {"iban": "NL92ABNA0417164300"}).text
    assert "<title>Error:" in wrong
    assert "IBAN has a wrong length or wrong check digits." in wrong
    assert 'value="Mira O."' in wrong
    assert post(browser, path, path, **given).status_code == 303
    asked = browser.get(path).text
    assert "Confirm your new details" in asked
    assert given["iban"] not in asked
    with books.database.read(SYSTEM) as session:
        code = notices.secret(notices.after(session, None, 5)[-1])
    assert code not in asked
    assert "isn&#39;t the code" in post(browser, path, f"{path}/confirm", code="1").text
    assert post(browser, path, f"{path}/confirm", code=code).status_code == 303
    assert "13 Dec 2026" in browser.get(path).text
    assert "Held" in enter("Fay").get(f"/console/creators/{mira}/payee").text
    assert post(browser, path, f"{path}/refuse").status_code == 303
    assert "You are paid to account ending 3000" in browser.get(path).text


def test_an_exchange_is_looked_at_recorded_approved_and_taken_back(books: Books, enter: Enter) -> None:
    converted(books)
    where = "/console/payouts/exchanges"
    fay, jo = enter("Fay"), enter("Jo")
    assert enter("Kim").get(where).status_code == 403
    first = fay.get(where).text
    assert "1 pair of currencies is open" in first
    typed = {"sold": "3.00", "sold_currency": "eur", "bought": "3.23", "bought_currency": "USD", "reference": "b 1"}
    for wrong, problem in (
        ({"sold": "8"}, "more than converted payouts left open"), ({"bought": "3.234"}, "more decimals"),
        ({"bought_currency": ""}, "Is empty"), ({"sold_currency": "XYZ"}, "XYZ"), ({"on": "today"}, "Is no day"),
    ):  # fmt: skip
        assert problem in fay.get(where, query_string=typed | wrong).text
    looked = fay.get(where, query_string=typed | {"on": "2026-12-09"}).text
    assert "Record €3.00" in looked or "Record EUR" in looked
    sent = hidden(looked.split("Against the payouts")[1].split("</form")[0])
    assert "Something changed" in fay.post(where, data=sent | {"token": "other"}).text
    assert fay.post(where, data=sent).status_code == 303
    rest = typed | {
        "sold": "4.50",
        "bought": "9.00",
        "reference": "b 2",
    }  # with the 3.23 it passes ten
    looked = fay.get(where, query_string=rest).text
    assert "Ask a second person to record" in looked
    sent = hidden(looked.split("Against the payouts")[1].split("</form")[0])
    assert fay.post(where, data=sent).status_code == 303
    waits = next(row.id for row in books.rows(BankExchange) if row.state == "waits")
    assert "Record it" not in fay.get(where).text
    assert "Record it" in jo.get(where).text
    assert post(fay, where, f"{where}/{waits}", act="approve").status_code == 403
    assert post(jo, where, f"{where}/{waits}", act="approve").status_code == 303
    assert "covered by an exchange of ours" in jo.get(where).text
    assert "is empty" in post(jo, where, f"{where}/{waits}", act="undo", why=" ").text
    assert post(jo, where, f"{where}/{waits}", act="undo", why="wrong bank").status_code == 303
    assert "is open until our own exchange" in jo.get(where).text
    assert "no exchange that stands" in post(jo, where, f"{where}/{waits}", act="undo", why="twice").text
