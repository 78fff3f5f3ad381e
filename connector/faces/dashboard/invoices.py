"""Money for the merchant: what they owe, when, and whether it adds up; one invoice with every order, and how to pay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Response, current_app, flash, g, url_for

from connector import clock, db, telemetry
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.earnings.settlement import funding, invoices, receipts, stripe_payments
from connector.earnings.settlement.funding import Account, Standing
from connector.errors import Conflict, NotFound, PlatformDown
from connector.faces.dashboard.face import blueprint
from connector.operations.documents import facts, files
from connector.operations.documents.facts import InvoiceTold
from connector.operations.documents.sheet import period_words, span
from connector.operations.exports import ledger as exports
from connector.web import moments
from connector.web.guards import merchant
from connector.web.layout import page

SHOWN = 200
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class InCurrency:
    """One currency's money, in minor units: where commission stands, and the invoices, newest first."""

    currency: str
    pending: int
    cleared: int
    settled: int
    under_way: int  # handed over for payout, and not confirmed
    paid: int
    account: Account

    @property
    def due(self) -> Standing | None:
        """The oldest invoice that is open."""
        return next((each for each in self.account.standings if each.open), None)

    @property
    def newest_first(self) -> list[Standing]:
        return list(reversed(self.account.standings))


@blueprint.get("/money")
@merchant
def money() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    today = clock.now().astimezone(moments.zone()).date()
    with db.read(Scope.shop(shop.id)) as session:
        balances = ledger.balances(session, shop_id=shop.id)
        accounts = {each.currency: each for each in funding.accounts(session, today, shop_id=shop.id)}
        paid_in = receipts.of_shop(session, shop.id, limit=20)
    sums: dict[str, list[int]] = {}
    for each in balances:
        row = sums.setdefault(each.currency, [0] * 5)
        for place, amount in enumerate((each.pending, each.cleared, each.settled, each.in_transit, each.paid)):
            row[place] += amount
    shown = []
    for code in sorted(sums.keys() | accounts.keys(), key=lambda code: (code != shop.currency, code)):
        pending, cleared, settled, under_way, paid = sums.get(code, [0] * 5)
        account = accounts.get(code) or Account(shop.id, code, (), 0, 0)
        shown.append(InCurrency(code, pending, cleared, settled, under_way, paid, account))
    return page(
        "dashboard/money.html", shop=shop, shown=shown, paid_in=paid_in, number=invoices.number_text, said=period_words
    )


@blueprint.get("/money/<invoice_id>")
@merchant
def invoice(invoice_id: str) -> str:
    return _invoice(_own(invoice_id))


def _invoice(told: InvoiceTold) -> str:
    moments.use_zone(told.shop.time_zone)
    settings = current_app.config["CONNECTOR"]
    pay_to = [part.strip() for part in settings.invoice_pay_to.split("|") if part.strip()]
    return page(
        "dashboard/invoice.html", shop=told.shop, told=told, invoice=told.invoice, number=invoices.number_text,
        span=span(told.starts_at, told.ends_at, moments.zone()), pay_to=pay_to, shown=SHOWN,
        by_card=bool(_stripe_key()) and stripe_payments.theirs(told.standing.open, told.invoice.currency) is not None,
    )  # fmt: skip


@blueprint.post("/money/<invoice_id>/pay")
@merchant
def pay_invoice(invoice_id: str) -> str:
    """A page that leads on to Stripe's: it is opened by a link, so that nothing is charged by coming here."""
    told, key = _own(invoice_id), _stripe_key()
    if not key:
        raise NotFound("no CONNECTOR_STRIPE_KEY is set: nothing is paid by card")
    if not told.standing.open:
        raise Conflict(f"{invoice_id} has nothing open", public="This invoice is paid already.")
    back = f"{current_app.config['CONNECTOR'].public_url}{url_for('.invoice', invoice_id=invoice_id)}"
    try:
        url = stripe_payments.payment_page(
            key, invoices.number_text(told.invoice.number), told.standing.open, told.invoice.currency, back,
            clock.wall().date(),
        )  # fmt: skip
    except PlatformDown as down:
        _log.error("invoice.no_payment_page", invoice_id=invoice_id, error=str(down))
        flash("The card page can't be opened just now. Nothing was charged. Try again later, or pay by bank transfer.",
              "warn")  # fmt: skip
        return _invoice(told)
    return page(
        "dashboard/pay.html", shop=told.shop, told=told, invoice=told.invoice, number=invoices.number_text, url=url
    )


def _stripe_key() -> str:
    return str(current_app.config["CONNECTOR"].stripe_key.get_secret_value())


@blueprint.get("/money/<invoice_id>/file.<any(pdf, csv):kind>")
@merchant
def invoice_file(invoice_id: str, kind: str) -> Response:
    return files.invoice(_own(invoice_id), kind, current_app.config["CONNECTOR"])


@blueprint.get("/money/ledger-<currency>.csv")
@merchant
def ledger_file(currency: str) -> Response:
    """Every entry of the shop in one currency, as it was booked. Sent piece by piece: it may be large."""
    asked = exports.Asked(shop_id=g.shop.id, currency=currency)
    asked.check()
    name = f"ledger-{currency}.csv"
    return Response(
        _entries(asked), mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )  # fmt: skip


def _entries(asked: exports.Asked) -> Iterator[str]:
    with db.snapshot(Scope.shop(str(asked.shop_id))) as session:
        yield from exports.pieces(session, "csv", asked)


def _own(invoice_id: str) -> InvoiceTold:
    """Errors: NotFound for one of another shop too: nobody learns that it is there."""
    with db.read(Scope.shop(g.shop.id)) as session:
        told = facts.invoice(session, invoice_id, clock.now())
    if told.shop.id != g.shop.id:
        raise NotFound(f"invoice {invoice_id} is another shop's", public="Your shop has no such invoice.")
    return told
