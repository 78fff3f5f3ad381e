"""The four formats, each a writer that is handed entry after entry and keeps none. Pure: text goes out.

`begin` says what the file is, `entry` writes one, `end` what all of them come to: sums that the database was asked for
beside the entries, so that a file that lost a line doesn't add up.
"""

from __future__ import annotations

import csv
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, get_args
from zoneinfo import ZoneInfo

import msgspec

from connector import money
from connector.earnings.ledger.chain import Written, WrittenPosting, as_plain, moment
from connector.earnings.payouts.rails import defused
from connector.operations.exports.names import Names

Kind = Literal["csv", "jsonl", "beancount", "hledger"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ENDINGS: Mapping[str, str] = {"csv": "csv", "jsonl": "jsonl", "beancount": "beancount", "hledger": "journal"}
TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "beancount": "text/plain",
    "hledger": "text/plain",
}
VERSION = 1


class Row(msgspec.Struct, frozen=True):
    """An entry and its link in the chain; no position: it isn't sealed yet."""

    entry: Written
    position: int | None = None
    hash: str = ""


class Sum(msgspec.Struct, frozen=True):
    """What the exported postings of one account come to, debit positive."""

    shop_id: str
    currency: str
    account: str
    creator_id: str  # "" where it is nobody's own
    amount: int


class Head(msgspec.Struct, frozen=True):
    """How far a shop's chain reaches."""

    shop_id: str
    position: int
    hash: str


class About(msgspec.Struct, frozen=True):
    """What was asked for, for the file's own first lines."""

    taken_at: datetime
    shop_id: str | None = None
    currency: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Known(msgspec.Struct):
    """What people call the shops and creators, filled in by whoever reads them, as they come."""

    names: Names = msgspec.field(default_factory=Names)
    zones: dict[str, ZoneInfo] = {}


class Totals(msgspec.Struct):
    entries: int = 0
    postings: int = 0
    unsealed: int = 0


class File(Protocol):
    def begin(self) -> None: ...
    def entry(self, row: Row) -> None: ...
    def end(self, sums: Iterable[Sum], heads: Iterable[Head], totals: Totals) -> None: ...


Out = Callable[[str], Any]

_HASHED = re.compile(r"opening:[^:]+:[0-9a-f]{32}")


def named(entry: Written) -> str:
    """An entry's reference as people read it: without the handle that openings of the first version have in it.

    JSON Lines alone says it as it stands: its chain is proved over the very words.
    """
    if entry.kind != "opening" or _HASHED.fullmatch(entry.reference):
        return entry.reference
    return f"opening:{entry.shop_id}:{entry.id}"


CSV_COLUMNS = (
    "shop_id", "shop", "position", "hash", "entry_id", "number", "reference", "subject", "sequence", "kind", "reason",
    "occurred_at", "booked_at", "currency", "account", "creator_id", "creator", "content_id", "amount_minor", "amount",
    "order_id", "line_ref", "reverses", "evaluation_id", "statement_id",
)  # fmt: skip


class Csv:
    """One row a posting, RFC 4180. Text that begins like a formula is defused; amounts stay numbers."""

    def __init__(self, about: About, known: Known, out: Out) -> None:
        self._known, self._out = known, out
        self._line = io.StringIO(newline="")
        self._csv = csv.writer(self._line, lineterminator="\r\n")

    def begin(self) -> None:
        self._row(CSV_COLUMNS)

    def entry(self, row: Row) -> None:
        entry, names = row.entry, self._known.names
        for number, side in enumerate(entry.postings, 1):
            shop_id, currency = side.shop_id or entry.shop_id, side.currency or entry.currency
            self._row((
                shop_id, defused(names.shops.get(shop_id, "")), row.position or "", row.hash, entry.id, number,
                defused(named(entry)), defused(entry.subject), entry.sequence, entry.kind, entry.reason,
                entry.occurred_at, entry.booked_at, currency, side.account, side.creator_id or "",
                defused(names.creators.get(side.creator_id or "", "")), side.content_id or "", side.amount,
                money.text(side.amount, currency), entry.order_id or "", defused(entry.line_ref or ""),
                entry.reverses or "", entry.evaluation_id or "", entry.statement_id or "",
            ))  # fmt: skip

    def end(self, sums: Iterable[Sum], heads: Iterable[Head], totals: Totals) -> None:
        pass

    def _row(self, cells: Iterable[object]) -> None:
        self._csv.writerow(cells)
        self._out(self._line.getvalue())
        self._line.seek(0)
        self._line.truncate()


_sorted = msgspec.json.Encoder(order="sorted").encode


class Jsonl:
    """One JSON object a line (docs/ledger-export.schema.json): what the file is, entries, balances, heads, the end."""

    def __init__(self, about: About, known: Known, out: Out) -> None:
        self._about, self._known, self._out = about, known, out

    def begin(self) -> None:
        about = self._about
        self._line({
            "ledger": {
                "version": VERSION, "taken_at": moment(about.taken_at), "shop_id": about.shop_id,
                "currency": about.currency, "since": moment(about.since) if about.since else None,
                "until": moment(about.until) if about.until else None,
            }
        })  # fmt: skip

    def entry(self, row: Row) -> None:
        names = self._known.names
        self._line(
            {
                "entry": as_plain(row.entry),
                "exponent": money.exponent(row.entry.currency),
                "shop": names.shops.get(row.entry.shop_id, ""),
                "creator": names.creators.get(row.entry.creator_id or "", ""),
                "seal": {"position": row.position, "hash": row.hash} if row.position else None,
            }
        )

    def end(self, sums: Iterable[Sum], heads: Iterable[Head], totals: Totals) -> None:
        for one in sums:
            self._line({"balance": msgspec.to_builtins(one)})
        for head in heads:
            self._line({"head": msgspec.to_builtins(head)})
        self._line({"end": msgspec.to_builtins(totals)})

    def _line(self, value: dict[str, Any]) -> None:
        self._out(_sorted(value).decode() + "\n")


class _Text(ABC):
    """What Beancount's file and hledger's journal share: accounts declared when first met, days in the shop's zone."""

    def __init__(self, about: About, known: Known, out: Out) -> None:
        self._about, self._known, self._out = about, known, out
        self._declared: set[str] = set()
        self._currencies: set[str] = set()
        self._last: date | None = None

    def begin(self) -> None:
        about = self._about
        asked = [
            f"{name} {value}"
            for name, value in (
                ("shop", about.shop_id),
                ("currency", about.currency),
                ("since", moment(about.since) if about.since else None),
                ("until", moment(about.until) if about.until else None),
            )
            if value
        ]
        self._out(f"; connector ledger, taken {moment(about.taken_at)}; {', '.join(asked) or 'all of it'}\n")
        self._out("; Debit is positive. Days are those of the shop's own time zone.\n\n")

    @abstractmethod
    def _declare(self, account: str, currency: str) -> None:
        """Open an account, in the file's own words."""

    def _account(self, entry: Written, side: WrittenPosting) -> str:
        shop_id, currency = side.shop_id or entry.shop_id, side.currency or entry.currency
        account = self._known.names.account(shop_id, side.account, side.creator_id)
        self._declare(account, currency)
        return account

    def _day(self, entry: Written) -> date:
        zone = self._known.zones.get(entry.shop_id)
        at = datetime.fromisoformat(entry.occurred_at)
        day = (at.astimezone(zone) if zone is not None else at).date()
        self._last = day if self._last is None else max(self._last, day)
        return day

    def _amount(self, entry: Written, side: WrittenPosting) -> str:
        currency = side.currency or entry.currency
        return f"{money.text(side.amount, currency)} {currency}"

    def _sides(self, entry: Written) -> list[tuple[str, str]]:
        return [(self._account(entry, side), self._amount(entry, side)) for side in entry.postings]


class Beancount(_Text):
    """Transactions with our ids as metadata, and a `balance` of every account at the end, exact to the minor unit."""

    def begin(self) -> None:
        super().begin()
        self._out('option "title" "connector ledger"\n\n')

    def entry(self, row: Row) -> None:
        entry = row.entry
        day, sides = self._day(entry), self._sides(entry)
        link = f" ^{entry.order_id}" if entry.order_id else ""
        payee = self._known.names.creators.get(entry.creator_id or "", "")
        out = [f"{day} * {_quoted(payee)} {_quoted(f'{entry.kind}: {entry.reason}')} #{entry.kind}{link}\n"]
        out.extend(
            f"  {name}: {_quoted(value)}\n"
            for name, value in (
                ("entry", entry.id),
                ("reference", named(entry)),
                ("subject", f"{entry.subject} {entry.sequence}"),
                ("occurred", entry.occurred_at),
                ("seal", f"{row.position} {row.hash}" if row.position else "none yet"),
            )
        )
        out.extend(f"  {account}  {amount}\n" for account, amount in sides)
        self._out("".join(out) + "\n")

    def end(self, sums: Iterable[Sum], heads: Iterable[Head], totals: Totals) -> None:
        if self._last is None:
            return
        day = self._last + timedelta(days=1)
        for one in sums:
            account = self._known.names.account(one.shop_id, one.account, one.creator_id or None)
            self._declare(account, one.currency)
            # Without a tolerance of 0 the checker lets one minor unit pass.
            self._out(f"{day} balance {account}  {money.text(one.amount, one.currency)} ~ 0 {one.currency}\n")

    def _declare(self, account: str, currency: str) -> None:
        if account not in self._declared:
            self._declared.add(account)
            self._out(f"1970-01-01 open {account}\n")


class Hledger(_Text):
    """A journal that passes `hledger check --strict`: accounts and commodities declared, balances asserted."""

    def begin(self) -> None:
        super().begin()
        self._out("decimal-mark .\n\n")

    def entry(self, row: Row) -> None:
        entry = row.entry
        day, sides = self._day(entry), self._sides(entry)
        payee = _bare(self._known.names.creators.get(entry.creator_id or "", ""))
        tags = {
            "kind": entry.kind, "reference": named(entry), "subject": f"{entry.subject} {entry.sequence}",
            "order": entry.order_id or "", "occurred": entry.occurred_at,
            "seal": f"{row.position} {row.hash}" if row.position else "none yet",
        }  # fmt: skip
        said = f"{payee} | {entry.kind} {entry.reason}" if payee else f"{entry.kind} {entry.reason}"
        out = [f"{day} * ({entry.id}) {_bare(said)}\n"]
        out.extend(f"    ; {name}: {_bare(value).replace(',', ' ')}\n" for name, value in tags.items() if value)
        out.extend(f"    {account}  {amount}\n" for account, amount in sides)
        self._out("".join(out) + "\n")

    def end(self, sums: Iterable[Sum], heads: Iterable[Head], totals: Totals) -> None:
        if self._last is None:
            return
        out: list[str] = []
        for one in sums:
            account = self._known.names.account(one.shop_id, one.account, one.creator_id or None)
            self._declare(account, one.currency)
            out.append(f"    {account}  0 {one.currency} = {money.text(one.amount, one.currency)} {one.currency}\n")
        if out:
            self._out(f"{self._last} * all balances, asserted\n")
            for line in out:
                self._out(line)

    def _declare(self, account: str, currency: str) -> None:
        if currency not in self._currencies:
            self._currencies.add(currency)
            digits = money.exponent(currency)
            self._out(f"commodity 1000.{'0' * digits} {currency}\n")
        if account not in self._declared:
            self._declared.add(account)
            self._out(f"account {account}\n")


def _quoted(text: str) -> str:
    """A string of Beancount's."""
    return '"' + _one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bare(text: str) -> str:
    """What may stand in an hledger description or tag: no comment begins in it."""
    return _one_line(text).replace(";", " ").strip()


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


_FILES: Mapping[str, Callable[[About, Known, Out], File]] = {
    "csv": Csv,
    "jsonl": Jsonl,
    "beancount": Beancount,
    "hledger": Hledger,
}


def begin(kind: Kind, about: About, known: Known, out: Out) -> File:
    """A file of this format, begun."""
    file = _FILES[kind](about, known, out)
    file.begin()
    return file
