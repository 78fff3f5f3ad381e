"""The ledger: what stands on every account of a shop and currency, how far its chain is sealed, the newest entries, and
the files that other programs read. Reading only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Response, request
from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger import reading, running
from connector.earnings.ledger.chain import Written, WrittenPosting
from connector.earnings.ledger.running import ChainState
from connector.earnings.ledger.tables import Entry, Seal
from connector.errors import InputRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.operations.exports import files
from connector.operations.exports import ledger as exports
from connector.operations.exports.files import Kind
from connector.programme.creators import queries as creators_of
from connector.web import explain, guards, keyset
from connector.web.guards import staff
from connector.web.layout import page

CREATORS_SHOWN = 50
# What each account holds, debit first, as docs/ledger.md has it.
HOLDS = {
    "merchant_receivable": "what the merchant owes for commission and fee",
    "creator_pending": "earned, and the hold is not over",
    "creator_cleared": "the hold is over; not in a statement yet",
    "creator_settled": "in a statement; not paid yet",
    "reserve": "kept back from statements, let go later",
    "app_fee": "the app's fee",
    "payout_in_transit": "handed to a rail, not confirmed",
    "bank": "received from the merchant, less what was paid out",
    "loss_absorbed": "refunds after a payout that the app bears",
    "fx": "payouts that left in another currency, at their own rate, until the app's exchange is recorded",
    "exchange_difference": "what exchanges gave less than the payouts' own rates took (credit: more)",
}
FORMATS: dict[Kind, str] = {
    "csv": "CSV, a row a posting",
    "jsonl": "JSON Lines, with the chain",
    "beancount": "Beancount",
    "hledger": "hledger journal",
}


@dataclass(frozen=True, slots=True)
class Book:
    """A shop's ledger in one currency."""

    shop_id: str
    currency: str
    accounts: dict[str, int]
    chain: ChainState

    @property
    def sum(self) -> int:
        return sum(self.accounts.values())


@dataclass(frozen=True, slots=True)
class Line:
    """An entry for the list: what moved from where to where. Minor units of the page's currency."""

    entry: Written
    booked_at: datetime
    debit: str
    credit: str
    amount: int
    position: int | None


@blueprint.get("/money/ledger")
@staff("finance")
def ledgers() -> str:
    with db.read(Scope.system(WHY)) as session:
        books = _books(ledger.accounts(session), running.chains(session))
        shops = shops_by_id(session, {book.shop_id for book in books})
    return page(
        "console/ledgers.html", books=books, shops=shops, apart=[book for book in books if book.sum],
        waiting=sum({book.shop_id: book.chain.waiting for book in books}.values()),
    )  # fmt: skip


def _books(accounts: dict[tuple[str, str, str], int], chains: dict[str, ChainState]) -> list[Book]:
    found: dict[tuple[str, str], Book] = {}
    for (shop_id, currency, account), amount in accounts.items():
        chain = chains.get(shop_id, ChainState(shop_id))
        found.setdefault((shop_id, currency), Book(shop_id, currency, {}, chain)).accounts[account] = amount
    return list(found.values())


@blueprint.get("/money/ledger/<shop_id>/<currency>")
@staff("finance")
def shop_ledger(shop_id: str, currency: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        book = _book(session, shop_id, currency)
        owed = sorted(
            ledger.balances(session, shop_id=shop_id, currency=currency),
            key=lambda each: (-abs(each.owed), -abs(each.paid), each.creator_id),
        )
        newest = keyset.read(
            session, "ledger", sa.select(Entry).where(Entry.shop_id == shop_id, Entry.currency == currency),
            (Entry.booked_at, Entry.id), per_page=30,
        )  # fmt: skip
        lines = _lines(session, newest.rows)
        shown = owed[:CREATORS_SHOWN]
        met = {each.creator_id for each in shown} | {line.entry.creator_id for line in lines if line.entry.creator_id}
        people = creators_of.some(session, met)
        others = sorted({other for shop_, other, _ in ledger.accounts(session, shop_id=shop_id)} - {currency})
    return page(
        "console/shop_ledger.html", shop=shop, currency=currency, book=book, holds=HOLDS, names=explain.ACCOUNTS,
        owed=shown, number=len(owed), people=people, lines=lines, newest=newest, formats=FORMATS, others=others,
        kind_words=_kind_words, asked={name: request.args.get(name, "") for name in ("since", "until")},
        first=not (request.args.get("older") or request.args.get("newer")),
    )  # fmt: skip


def _book(session: Session, shop_id: str, currency: str) -> Book:
    """Errors: NotFound where nothing was ever booked for the shop in that currency."""
    accounts = {
        account: amount
        for (_, code, account), amount in ledger.accounts(session, shop_id=shop_id).items()
        if code == currency
    }
    if not accounts:
        raise NotFound(f"shop {shop_id[:40]!r} has no ledger in {currency[:10]!r}")
    chain = running.chains(session, shop_id=shop_id).get(shop_id, ChainState(shop_id))
    return Book(shop_id, currency, accounts, chain)


def _lines(session: Session, entries: Sequence[Entry]) -> list[Line]:
    ids = [entry.id for entry in entries]
    whole = reading.whole(session, ids)
    sealed: dict[str, int] = {
        row[0]: row[1] for row in session.execute(sa.select(Seal.entry_id, Seal.position).where(Seal.entry_id.in_(ids)))
    }
    lines = []
    for entry in entries:
        sides = whole[entry.id].postings
        names = {sign: ", ".join(_names(sides, sign)) for sign in (1, -1)}
        amount = sum(side.amount for side in sides if side.amount > 0)
        lines.append(Line(whole[entry.id], entry.booked_at, names[1], names[-1], amount, sealed.get(entry.id)))
    return lines


def _names(sides: Sequence[WrittenPosting], sign: int) -> Iterator[str]:
    for side in sides:
        if side.amount * sign > 0:
            yield explain.ACCOUNTS.get(side.account, side.account)


def _kind_words(kind: str) -> str:
    return explain.ENTRY_KINDS.get(kind, kind.replace("_", " ").capitalize())


@blueprint.get("/money/ledger/<shop_id>/<currency>/export")
@staff("finance")
def export_ledger(shop_id: str, currency: str) -> Response:
    """The file, sent while it is read: a million entries pass through and none stays."""
    kind = request.args.get("format", "csv")
    if kind not in files.KINDS:
        raise InputRefused("format", "is no format of ours.", f"Use {', '.join(files.KINDS)}.")
    with db.write(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        _book(session, shop_id, currency)
        asked = exports.Asked(shop_id, currency, _day(shop, "since"), _day(shop, "until"))
        asked.check()
        audit.record(
            session, guards.actor(), "ledger.export", shop_id, shop_id=shop_id, currency=currency, format=kind,
            since=request.args.get("since", ""), until=request.args.get("until", ""),
        )  # fmt: skip
    name = f"ledger-{shop.domain}-{currency}-{clock.now():%Y%m%d}.{files.ENDINGS[kind]}"
    return Response(
        _sent(kind, asked), mimetype=files.TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )  # fmt: skip


def _sent(kind: Kind, asked: exports.Asked) -> Iterator[bytes]:
    with db.snapshot(Scope.system(WHY)) as session:
        for piece in exports.pieces(session, kind, asked):
            yield piece.encode()


def _day(shop: Shop, field: str) -> datetime | None:
    """The start of a day in the shop's own zone. Errors: InputRefused for what is no day."""
    text = request.args.get(field, "").strip()
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ZoneInfo(shop.time_zone))
    except (ValueError, KeyError):
        raise InputRefused(field, f"{text[:20]!r} is no day.", "Write it like 2026-11-20.") from None
