"""The chain's arithmetic: what is hashed, and that any change breaks a link by name."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.ledger import chain
from connector.earnings.ledger.chain import Link, Walk, Written, WrittenPosting

SHOP = "shp_1"


def written(number: int = 1, **more: object) -> Written:
    fields: dict[str, object] = {
        "id": f"ent_{number:03}", "reference": f"r{number}", "subject": "line:ord_1:1", "sequence": number,
        "kind": "accrual", "shop_id": SHOP, "currency": "EUR", "order_id": "ord_1", "line_ref": "1",
        "creator_id": "crt_x", "content_id": None, "reverses": None, "evaluation_id": "evl_1", "statement_id": None,
        "reason": "last_click_direct", "occurred_at": "2026-11-14T20:07:14.000000Z",
        "booked_at": "2026-11-14T20:07:15.250000Z",
        "postings": (
            WrittenPosting("merchant_receivable", 600, None, None),
            WrittenPosting("creator_pending", -600, "crt_x", None),
        ),
    }  # fmt: skip
    return Written(**(fields | more))  # type: ignore[arg-type]


def chained(entries: list[Written]) -> list[Link]:
    hashes = chain.links(chain.genesis(SHOP), entries)
    return [Link(n, entry.id, found, entry) for n, (entry, found) in enumerate(zip(entries, hashes, strict=True), 1)]


def broken(links: list[Link]) -> str:
    walk = Walk(SHOP)
    walk.take(links)
    return f"{walk.broken.position} {walk.broken.entry_id} {walk.broken.why}" if walk.broken else ""


def test_the_bytes_are_those_of_the_page() -> None:
    """docs/ledger.md prints them; whoever checks an export in another language compares with this."""
    assert chain.canonical(written()) == (
        b'{"booked_at":"2026-11-14T20:07:15.250000Z","content_id":null,"creator_id":"crt_x","currency":"EUR",'
        b'"evaluation_id":"evl_1","id":"ent_001","kind":"accrual","line_ref":"1",'
        b'"occurred_at":"2026-11-14T20:07:14.000000Z","order_id":"ord_1",'
        b'"postings":[{"account":"merchant_receivable","amount":600,"content_id":null,"creator_id":null},'
        b'{"account":"creator_pending","amount":-600,"content_id":null,"creator_id":"crt_x"}],'
        b'"reason":"last_click_direct","reference":"r1","reverses":null,"sequence":1,"shop_id":"shp_1",'
        b'"statement_id":null,"subject":"line:ord_1:1"}'
    )
    first = hashlib.sha256(b"connector ledger 1 shp_1").hexdigest()
    assert chain.genesis(SHOP) == first
    assert chain.link(first, written()) == (
        hashlib.sha256(first.encode() + b"\n" + chain.canonical(written())).hexdigest()
    )


@given(st.text(st.characters(codec="utf-8")), st.integers(-(10**15), 10**15), st.none() | st.text())
def test_any_json_writer_gives_the_same_bytes(reference: str, amount: int, content: str | None) -> None:
    content = None if content is None else content.encode("utf-8", "ignore").decode()
    entry = written(reference=reference, content_id=content, postings=(WrittenPosting("bank", amount, None, content),))
    plain = json.dumps(chain.as_plain(entry), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert chain.canonical(entry) == plain.encode()


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_one_instant_is_one_text(at: datetime, minutes: int) -> None:
    utc = at.replace(tzinfo=UTC)
    elsewhere = utc.astimezone(timezone(timedelta(minutes=minutes)))
    assert chain.moment(utc) == chain.moment(elsewhere)
    assert datetime.fromisoformat(chain.moment(elsewhere)) == utc


def test_a_whole_chain_holds_and_ends_where_its_head_says() -> None:
    links = chained([written(n) for n in range(1, 8)])
    walk = Walk(SHOP)
    assert walk.take(links[:3])
    assert walk.take(links[3:])
    assert walk.ends_at(7, links[-1].hash) == ""
    assert "ends at 7, its head says 9" in walk.ends_at(9, links[-1].hash)
    assert "another hash" in walk.ends_at(7, links[0].hash)


@given(
    st.integers(0, 6), st.sampled_from(["reference", "reason", "booked_at", "currency", "amount", "creator", "shop"])
)
def test_any_change_breaks_its_own_link_first(at: int, field: str) -> None:
    links = chained([written(n) for n in range(1, 8)])
    entry = links[at].entry
    assert entry is not None
    first, second = entry.postings
    changes: dict[str, object] = {
        "amount": {"postings": (msgspec.structs.replace(first, amount=601), second)},
        "creator": {"postings": (first, msgspec.structs.replace(second, creator_id="crt_y"))},
        "shop": {"postings": (first, msgspec.structs.replace(second, shop_id="shp_2"))},
    }
    change = changes.get(field, {field: "bent"})
    links[at] = msgspec.structs.replace(links[at], entry=msgspec.structs.replace(entry, **change))  # type: ignore[arg-type]
    assert broken(links) == f"{at + 1} ent_{at + 1:03} the entry isn't what was sealed"


@pytest.mark.parametrize(
    ("bend", "says"),
    [
        (lambda links: links[:2] + links[3:], "4 ent_004 link 3 is missing"),
        (lambda links: [*links[:2], msgspec.structs.replace(links[2], entry=None)], "3 ent_003 the entry is gone"),
        (lambda links: [*links[:2], links[3], links[2]], "4 ent_004 link 3 is missing"),
        (
            lambda links: [links[0], msgspec.structs.replace(links[1], hash=links[2].hash), *links[2:]],
            "2 ent_002 the entry isn't what was sealed",
        ),
    ],
)
def test_links_that_are_gone_or_moved_are_named(bend: object, says: str) -> None:
    links = chained([written(n) for n in range(1, 6)])
    assert broken(bend(links)) == says  # type: ignore[operator]
