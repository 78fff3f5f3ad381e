"""Entries for the export tests, and readers of the four formats that know nothing of ours."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from connector.earnings.ledger import chain
from connector.earnings.ledger.chain import Written, WrittenPosting
from connector.operations.exports import files
from connector.operations.exports.files import About, Head, Kind, Known, Row, Sum, Totals
from tests.conftest import missing

# (shop, currency, account, creator) → minor units
Balances = Counter[tuple[str, str, str, str]]
EXPONENTS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
SHOPS = {"shp_01jabc3f9k2a": "harbour-pine.example", "shp_01jabd77xx0q": "ünï\tco\n.example", "shp_01jabe00000z": ""}
CREATORS = {
    "crt_01jmira7kq2a": "mira.o",
    "crt_01jmira7kq2b": "mira-o",
    "crt_02jxxxx7kq2a": "mira.o",
    "crt_01jarab0000x": "نور",
    "crt_01jform0000y": '=cmd|"x"; \\ drop',
}
ZONES = {"shp_01jabc3f9k2a": ZoneInfo("Pacific/Auckland")}
TAKEN = datetime(2026, 12, 1, tzinfo=UTC)
_MOMENT = datetime(2026, 11, 14, 20, 7, 14, tzinfo=UTC)


def entry(number: int, currency: str, shop: str, *sides: tuple[str, int, str | None], **more: object) -> Written:
    creator = next((who for _, _, who in sides if who), None)
    fields: dict[str, object] = {
        "id": f"ent_{number:04}", "reference": f"line:ord_{number}:1#1", "subject": f"line:ord_{number}:1",
        "sequence": 1, "kind": "accrual", "shop_id": shop, "currency": currency, "order_id": f"ord_{number}",
        "line_ref": "1", "creator_id": creator, "content_id": None, "reverses": None, "evaluation_id": None,
        "statement_id": None, "reason": "last_click_direct", "occurred_at": chain.moment(_MOMENT),
        "booked_at": chain.moment(_MOMENT),
        "postings": tuple(WrittenPosting(account, amount, who, None) for account, amount, who in sides),
    }  # fmt: skip
    return Written(**(fields | more))  # type: ignore[arg-type]


@st.composite
def journals(draw: st.DrawFn) -> list[Row]:
    """A few dozen entries of several shops and currencies, each shop's chained but for the last ones."""
    entries = []
    for number in range(draw(st.integers(1, 12))):
        shop, creator = draw(st.sampled_from(sorted(SHOPS))), draw(st.sampled_from(sorted(CREATORS)))
        amount = draw(st.integers(1, 10**9)) * draw(st.sampled_from([1, -1]))
        one, other = draw(
            st.sampled_from(
                [
                    (("merchant_receivable", None), ("creator_pending", creator)),
                    (("creator_pending", creator), ("creator_cleared", creator)),
                    (("creator_settled", creator), ("payout_in_transit", creator)),
                    (("payout_in_transit", creator), ("bank", creator)),
                    (("bank", None), ("merchant_receivable", None)),
                    (("merchant_receivable", None), ("app_fee", None)),
                    (("loss_absorbed", None), ("creator_cleared", creator)),
                    (("creator_settled", creator), ("reserve", creator)),
                    (("fx", None), ("bank", None)),
                ]
            )
        )
        entries.append(
            entry(
                number, draw(st.sampled_from(sorted(EXPONENTS))), shop, (one[0], amount, one[1]),
                (other[0], -amount, other[1]), subject=draw(st.sampled_from(["line:ord_1:1", '=1"; |x', "a,b\\"])),
            )
        )  # fmt: skip
    return [row for shop in sorted(SHOPS) for row in chained([one for one in entries if one.shop_id == shop])]


def chained(entries: Sequence[Written], unsealed: int = 1) -> list[Row]:
    if not entries:
        return []
    hashes = list(chain.links(chain.genesis(entries[0].shop_id), entries))
    sealed = len(entries) - unsealed
    return [
        Row(one, number + 1, hashes[number]) if number < sealed else Row(one) for number, one in enumerate(entries)
    ]  # fmt: skip


def known() -> Known:
    found = Known(zones=dict(ZONES))
    found.names.shops.update(SHOPS)
    found.names.creators.update(CREATORS)
    return found


def balances(rows: Iterable[Row]) -> Balances:
    """What the rows come to, counted here."""
    found: Balances = Counter()
    for row in rows:
        for side in row.entry.postings:
            found[row.entry.shop_id, row.entry.currency, side.account, side.creator_id or ""] += side.amount
    return found


def exported(kind: Kind, rows: Sequence[Row], sums: Balances | None = None) -> tuple[str, Known]:
    """The rows as a file of this format; `sums` in place of what they come to."""
    out: list[str] = []
    about = known()
    file = files.begin(kind, About(TAKEN), about, out.append)
    for row in rows:
        file.entry(row)
    counted = balances(rows) if sums is None else sums
    heads = {row.entry.shop_id: Head(row.entry.shop_id, row.position, row.hash) for row in rows if row.position}
    totals = Totals(len(rows), sum(len(row.entry.postings) for row in rows), sum(not row.position for row in rows))
    file.end([Sum(*key, amount) for key, amount in sorted(counted.items())], heads.values(), totals)
    return "".join(out), about


def of_csv(text: str) -> Balances:
    found: Balances = Counter()
    for row in csv.DictReader(io.StringIO(text, newline="")):
        minor = int(row["amount_minor"])
        assert Decimal(row["amount"]).scaleb(EXPONENTS[row["currency"]]) == minor
        found[row["shop_id"], row["currency"], row["account"], row["creator_id"]] += minor
    return found


def of_jsonl(text: str) -> Balances:
    found: Balances = Counter()
    for line in text.splitlines():
        entry = json.loads(line).get("entry")
        for side in entry["postings"] if entry else ():
            found[entry["shop_id"], entry["currency"], side["account"], side["creator_id"] or ""] += side["amount"]
    return found


def of_beancount(text: str) -> tuple[Counter[tuple[str, str]], list[str]]:
    """({(account, currency): minor units}, what the checker says): its own loader and validation, as `bean-check`."""
    from beancount import loader
    from beancount.core import data

    entries, errors, _ = loader.load_string(text, dedent=False)
    found: Counter[tuple[str, str]] = Counter()
    for one in entries:
        if isinstance(one, data.Transaction):
            for posting in one.postings:
                units = posting.units
                found[posting.account, units.currency] += int(units.number.scaleb(EXPONENTS[units.currency]))
    return found, [str(error.message) for error in errors]


def hledger(text: str, *args: str) -> subprocess.CompletedProcess[str]:
    path = shutil.which("hledger")
    if path is None:
        missing("hledger", "install it (apt-get install hledger) to have the journal checked by it")
    return subprocess.run(
        [str(path), "-f", "-", *args], input=text, capture_output=True, text=True, check=False, timeout=60,
        env={"LANG": "C.UTF-8", "HOME": str(Path.cwd())},
    )  # fmt: skip


def of_hledger(text: str) -> Counter[tuple[str, str]]:
    """{(account, currency): minor units} as hledger itself adds them up."""
    done = hledger(text, "balance", "--flat", "--no-total", "-O", "csv", "--layout=bare")
    assert done.returncode == 0, done.stderr
    found: Counter[tuple[str, str]] = Counter()
    for row in csv.DictReader(io.StringIO(done.stdout)):
        amount = Decimal(row["balance"])
        if amount:
            found[row["account"], row["commodity"]] += int(amount.scaleb(EXPONENTS[row["commodity"]]))
    return found


def by_name(balances: Balances, about: Known) -> Counter[tuple[str, str]]:
    """The same balances under the names that the plain-text formats give the accounts; no zeros."""
    found: Counter[tuple[str, str]] = Counter()
    for (shop, currency, account, creator), amount in balances.items():
        found[about.names.account(shop, account, creator or None), currency] += amount
    return Counter({key: amount for key, amount in found.items() if amount})
