"""Keeping orders: every version as heard, and the row that says what all of them mean together.

Stop 5 of an order's way. Nothing here depends on the order of arrival: a delivery adds its version (or its loose facts)
to the set, and the order's row is computed anew from the whole set by `collect`. A stale version so still gives its
refund records, carriers and edit facts, and the oldest known version may arrive last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, make_transient_to_detached

from connector import clock, db, events, money
from connector.commerce.orders import buyers
from connector.commerce.orders.collect import Collected, Entered, Version, collect
from connector.commerce.orders.tables import LooseFact, Order, OrderVersion
from connector.commerce.shops.tables import Shop
from connector.db import Base, new_id
from connector.errors import Conflict, PayloadUnreadable
from connector.events import Buyer, Dispute, FulfilledLine, OrderSnapshot, OrderStub, Refund, Return

NOBODY = Buyer()
Outcome = Literal["applied", "same_version", "stale_version", "conflict"]

_snapshot = msgspec.json.Decoder(OrderSnapshot)
_refund = msgspec.json.Decoder(Refund)
_edit = msgspec.json.Decoder(list[FulfilledLine])
_dispute = msgspec.json.Decoder(Dispute)
_entered = msgspec.json.Decoder(Entered)
_return = msgspec.json.Decoder(Return)
_list = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class Applied:
    """What a delivery did to its order.

    `conflict`: equal times, other content; the caller wants a re-read. `changed`: what is known of the order is not
    what it was, so it must be evaluated again (a stale version may do that too). `created`: nothing was known before.
    """

    order: Order
    outcome: Outcome
    changed: bool
    created: bool = False


def apply(
    session: Session,
    shop: Shop,
    snapshot: OrderSnapshot,
    *,
    triggered_at: datetime,
    source: str,
    buyer: Buyer = NOBODY,
    disputes: Sequence[Dispute] = (),
    returns: Sequence[Return] = (),
    evaluated: bool = False,
) -> Applied:
    """Add one version of an order to what is known of it. Locks the order's row until the transaction ends.

    `triggered_at` is when the store sent it; of an API read, the time of the request. `source` is `delivery:<id>` or
    `read:<why>`; the same delivery with another content was read by a newer translator and replaces its earlier self.
    `disputes`, `returns`: what an API read knows beside the snapshot.
    `evaluated`: the caller evaluates the order in this very transaction, so the row says so in the same write.
    Errors: PayloadUnreadable(path) for a snapshot that no rule can be applied to.
    """
    _readable(snapshot)
    version = Version(
        snapshot.changed_at, triggered_at, events.content_hash(snapshot), snapshot, buyer_hash(shop.id, buyer),
        buyers.hashes(shop.id, buyer),
    )  # fmt: skip
    unheard = _unheard(session, shop.id, snapshot.order_ref)
    order = None if unheard else _locked(session, shop.id, snapshot.order_ref)
    for dispute in disputes:
        _keep_loose(session, shop, snapshot.order_ref, order, source, "dispute", dispute.dispute_ref, dispute)
    read_at = triggered_at if source.startswith("read:") else None
    # "None open", of an order that never had one, is what nearly every read says: no fact to keep.
    returns = [r for r in returns if r.status == "open" or read_at is None or (order and order.returns != "[]")]
    for back in returns:
        _keep_loose(session, shop, snapshot.order_ref, order, source, "return", back.return_ref, back)
    if order is None:
        # A fact that is kept beside an order nobody has heard of is kept by this very call.
        unheard = unheard and not disputes and not returns
        loose = [] if unheard else _loose(session, shop.id, snapshot.order_ref)
        order = _create(session, shop, _collected([version], loose), evaluated, read_at, unheard=unheard)
        if order is not None:
            _keep(session, order, version, source, "applied", created=True)
            _adopt(session, order, loose)
            return Applied(order, "applied", changed=True, created=True)
        # Another transaction made it between the look and the insert, and has committed: it is there now.
        order = _locked(session, shop.id, snapshot.order_ref)
        if order is None:
            raise RuntimeError("an order was made by another transaction and can't be read")
    if order.currency != snapshot.currency:
        raise PayloadUnreadable("$.currency", f"the order was in {order.currency}, now it says {snapshot.currency}")
    if read_at is not None:
        asked_at(order, read_at)
    return _add(session, order, version, source, evaluated, look_again=bool(disputes or returns))


@dataclass(frozen=True, slots=True)
class _Unheard:
    """Orders of a batch of which nothing was kept when it began. Once asked for, a ref is in it no more."""

    shop_id: str
    refs: set[str]


def read_ahead(session: Session, shop_id: str, order_refs: Collection[str]) -> set[str]:
    """Ask once which of a batch's orders are new (`db.known`); their refs. The unique key still decides who makes one.

    Loose facts come without their order from this shop's deliveries alone, which one worker handles.
    """
    connection, asked = session.connection(), {"shop_id": shop_id, "refs": sorted(order_refs)}
    heard = {ref for (ref,) in connection.execute(_HEARD, asked)} | {
        ref for (ref,) in connection.execute(_BESIDE, asked)
    }
    new = set(order_refs) - heard
    db.know(session, _Unheard(shop_id, set(new)))
    return new


def _unheard(session: Session, shop_id: str, order_ref: str) -> bool:
    ahead = db.known(session, _Unheard)
    if ahead is None or ahead.shop_id != shop_id or order_ref not in ahead.refs:
        return False
    ahead.refs.discard(order_ref)
    return True


def asked_at(order: Order, moment: datetime) -> None:
    """The store was asked about this order at `moment`, whatever it answered."""
    if order.read_at is None or order.read_at < moment:
        order.read_at = moment


def take_stub(session: Session, shop: Shop, stub: OrderStub, *, source: str, evaluated: bool = False) -> Applied | None:
    """Keep what came without its order, and say whether what is known of the order changed.

    None: no such order is known yet, the facts are parked (`parked_orphan`).
    Errors: PayloadUnreadable(path) for a refund that no rule can be applied to.
    """
    for number, refund in enumerate(stub.refunds):
        _countable(refund, f"$.refunds[{number}]")
    order = _locked(session, shop.id, stub.order_ref)
    for refund in stub.refunds:
        _keep_loose(session, shop, stub.order_ref, order, source, "refund", refund.refund_ref, refund)
    for dispute in stub.disputes:
        _keep_loose(session, shop, stub.order_ref, order, source, "dispute", dispute.dispute_ref, dispute)
    for back in stub.returns:
        _keep_loose(session, shop, stub.order_ref, order, source, "return", back.return_ref, back)
    if stub.edit_added:
        _keep_loose(session, shop, stub.order_ref, order, source, "edit", stub.edit_ref or source, stub.edit_added)
    return None if order is None else _again(session, order, evaluated)


def enter_amount(
    session: Session, shop: Shop, order: Order, refund_ref: str, entered: Entered, *, evaluated: bool = False
) -> Applied:
    """Keep what a person says a refund came to. The caller holds the order, checks the refund, and evaluates after."""
    _keep_loose(session, shop, order.order_ref, order, f"act:{entered.by}", "amount", refund_ref, entered)
    return _again(session, order, evaluated)


def _again(session: Session, order: Order, evaluated: bool) -> Applied:
    """What follows from all that is known now, after a fact that came without a version."""
    known = [_typed(row) for row in _versions(session, order.id) if not row["superseded"]]
    changed = _write(order, _collected(known, _loose(session, order.shop_id, order.order_ref)), evaluated)
    return Applied(order, "applied" if changed else "same_version", changed)


def anew(session: Session, order: Order) -> Order:
    """The order's row as it follows from all its kept versions and loose facts: a row of its own, in no session."""
    known = [_typed(row) for row in _versions(session, order.id) if not row["superseded"]]
    collected = _collected(known, _loose(session, order.shop_id, order.order_ref))
    kept = {name: getattr(order, name) for name in ("id", "shop_id", "order_ref", "currency", "first_seen_at")}
    return Order(**kept, **_columns(collected))


def derived(order: Order) -> dict[str, Any]:
    """Of an order's row, all that follows from its versions and loose facts."""
    return {name: getattr(order, name) for name in COLUMNS}


def _keep_loose(
    session: Session, shop: Shop, order_ref: str, order: Order | None, source: str, kind: str, ref: str, fact: Any
) -> None:
    body, now = _list.encode(fact), clock.now()
    values = {
        "id": new_id("fct"), "shop_id": shop.id, "order_ref": order_ref, "kind": kind, "ref": ref,
        "content_hash": _digest(body), "body": body.decode(), "source": source, "heard_at": now,
        "order_id": order.id if order else None, "applied_at": now if order else None,
    }  # fmt: skip
    _insert_new(session, LooseFact, values)


def mark_gone(session: Session, shop_id: str, order_ref: str, at: datetime) -> bool:
    """The store deleted the order; False when it was never seen. What it earned stands: only a version changes that."""
    order = _locked(session, shop_id, order_ref)
    if order is not None and order.gone_at is None:
        order.gone_at = at
        session.flush()
    return order is not None


def forget_buyers(session: Session, shop_id: str, order_refs: Sequence[str]) -> int:
    """Drop the hashes of these orders' buyers, of every version; how many orders. Pins stay, so nothing moves (F9)."""
    mine = sa.select(Order.id).where(Order.shop_id == shop_id, Order.order_ref.in_(order_refs))
    ids = session.execute(mine.order_by(Order.id).with_for_update()).scalars().all()
    session.execute(
        sa.update(OrderVersion).where(OrderVersion.order_id.in_(ids)).values(buyer_hash=None, buyer_hashes="")
    )
    session.execute(sa.update(Order).where(Order.id.in_(ids)).values(buyer_hash=None, buyer_hashes=""))
    return len(ids)


def buyer_hash(shop_id: str, buyer: Buyer) -> str | None:
    """The buyer as a keyed hash: the shop's own customer id, else the e-mail address, else the telephone number."""
    return buyers.single(shop_id, buyer)


def _add(
    session: Session, order: Order, version: Version, source: str, evaluated: bool, *, look_again: bool = False
) -> Applied:
    rows = _versions(session, order.id)
    mine = next((r for r in rows if (r["changed_at"], r["content_hash"]) == version.rank[::2]), None)
    before = (order.changed_at, order.content_hash)
    if mine is None:
        known = [_typed(row) for row in rows if not _outdated(session, row, source)]
        moved = True
    else:
        version, moved = _heard_again(session, mine, version)
        known = [_typed(row) for row in rows if row is not mine and not row["superseded"]]
    if mine is not None and not moved and not look_again:
        return Applied(order, "same_version", changed=False)
    collected = _collected([*known, version], _loose(session, order.shop_id, order.order_ref))
    outcome = _outcome(collected, version, before)
    if mine is None:
        _keep(session, order, version, source, outcome)
    return Applied(order, outcome, _write(order, collected, evaluated))


def _outcome(collected: Collected, version: Version, before: tuple[datetime, str]) -> Outcome:
    newest = collected.newest
    if collected.disputed and version.rank[:2] == newest.rank[:2]:
        return "conflict"
    if newest.content_hash != version.content_hash or newest.changed_at != version.changed_at:
        return "stale_version"
    return "same_version" if before == (version.changed_at, version.content_hash) else "applied"


def _heard_again(session: Session, row: dict[str, Any], version: Version) -> tuple[Version, bool]:
    """A known version once more: a later trigger time counts, and so does a buyer where none was named."""
    merged = Version(
        version.changed_at,
        max(version.triggered_at, row["triggered_at"]),
        version.content_hash,
        version.snapshot,
        *max((version.buyer_hash or "", version.buyer_hashes), (row["buyer_hash"] or "", row["buyer_hashes"])),
    )
    news = {
        "triggered_at": merged.triggered_at, "buyer_hash": merged.buyer_hash or None,
        "buyer_hashes": merged.buyer_hashes, "superseded": False,
    }  # fmt: skip
    moved = any(row[name] != value for name, value in news.items())
    if moved:
        session.execute(sa.update(OrderVersion).where(OrderVersion.id == row["id"]).values(news))
    return merged, moved


def _outdated(session: Session, row: dict[str, Any], source: str) -> bool:
    """True for a version that doesn't count any more: the same delivery was read by a newer translator."""
    if row["source"] == source and source.startswith("delivery:") and not row["superseded"]:
        session.execute(sa.update(OrderVersion).where(OrderVersion.id == row["id"]).values(superseded=True))
        return True
    return bool(row["superseded"])


# Statements are built once: building one takes longer than SQLite takes to answer it.
_LOCKED = (
    sa.select(Order)
    .where(Order.shop_id == sa.bindparam("shop_id"), Order.order_ref == sa.bindparam("order_ref"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_HEARD = sa.select(Order.order_ref).where(Order.shop_id == sa.bindparam("shop_id"), db.among(Order.order_ref, "refs"))
_BESIDE = sa.select(LooseFact.order_ref).where(
    LooseFact.shop_id == sa.bindparam("shop_id"), db.among(LooseFact.order_ref, "refs")
)
_KEEP = sa.insert(OrderVersion)


def _locked(session: Session, shop_id: str, order_ref: str) -> Order | None:
    found = session.execute(_LOCKED, {"shop_id": shop_id, "order_ref": order_ref})
    return found.scalar_one_or_none()


_VERSION_COLUMNS = sa.select(
    OrderVersion.id, OrderVersion.changed_at, OrderVersion.triggered_at, OrderVersion.content_hash,
    OrderVersion.snapshot, OrderVersion.buyer_hash, OrderVersion.buyer_hashes, OrderVersion.source,
    OrderVersion.superseded,
).where(OrderVersion.order_id == sa.bindparam("order_id"))  # fmt: skip


def _versions(session: Session, order_id: str) -> list[dict[str, Any]]:
    found = session.connection().execute(_VERSION_COLUMNS, {"order_id": order_id})
    return [dict(row) for row in found.mappings()]


def _typed(row: dict[str, Any]) -> Version:
    return Version(
        row["changed_at"],
        row["triggered_at"],
        row["content_hash"],
        _snapshot.decode(row["snapshot"]),
        row["buyer_hash"],
        row["buyer_hashes"],
    )


_LOOSE_COLUMNS = sa.select(LooseFact.id, LooseFact.kind, LooseFact.ref, LooseFact.body, LooseFact.order_id).where(
    LooseFact.shop_id == sa.bindparam("shop_id"), LooseFact.order_ref == sa.bindparam("order_ref")
)


def _loose(session: Session, shop_id: str, order_ref: str) -> list[dict[str, Any]]:
    found = session.connection().execute(_LOOSE_COLUMNS, {"shop_id": shop_id, "order_ref": order_ref})
    return [dict(row) for row in found.mappings()]


def _collected(versions: Sequence[Version], loose: Sequence[dict[str, Any]]) -> Collected:
    refunds = [_refund.decode(row["body"]) for row in loose if row["kind"] == "refund"]
    edits: dict[str, list[FulfilledLine]] = {}
    for row in sorted((row for row in loose if row["kind"] == "edit"), key=lambda row: str(row["body"])):
        edits[row["ref"]] = _edit.decode(row["body"])
    disputes = [_dispute.decode(row["body"]) for row in loose if row["kind"] == "dispute"]
    entered: dict[str, list[Entered]] = {}
    for row in loose:
        if row["kind"] == "amount":
            entered.setdefault(row["ref"], []).append(_entered.decode(row["body"]))
    returns = [_return.decode(row["body"]) for row in loose if row["kind"] == "return"]
    return collect(versions, refunds, edits, disputes, entered, returns)


def _columns(collected: Collected) -> dict[str, Any]:
    newest = collected.newest
    return {
        "number": newest.snapshot.number,
        "placed_at": newest.snapshot.created_at,
        "changed_at": newest.changed_at,
        "triggered_at": newest.triggered_at,
        "content_hash": newest.content_hash,
        "snapshot": events.encode(newest.snapshot).decode(),
        "refunds": _list.encode(collected.refunds).decode(),
        "carriers": _list.encode(collected.carriers).decode(),
        "disputes": _list.encode(collected.disputes).decode(),
        "returns": _list.encode(collected.returns).decode(),
        "added_units": collected.added_units,
        "line_products": {ref: list(pair) for ref, pair in collected.products.items()},
        "lines_first_seen": {ref: moment.isoformat() for ref, moment in collected.first_seen.items()},
        "oldest_changed_at": collected.oldest.changed_at,
        "buyer_hash": collected.buyer_hash,
        "buyer_hashes": collected.buyer_hashes,
    }


COLUMNS = (
    "number", "placed_at", "changed_at", "triggered_at", "content_hash", "snapshot", "refunds", "carriers", "disputes",
    "returns", "added_units", "line_products", "lines_first_seen", "oldest_changed_at", "buyer_hash", "buyer_hashes",
)  # fmt: skip


def _create(
    session: Session, shop: Shop, collected: Collected, evaluated: bool, read_at: datetime | None, *, unheard: bool
) -> Order | None:
    """The order's row; None when another transaction was faster. `unheard`: read ahead as new, so that the row may wait
    with all the others of its batch; that another transaction was faster then shows at the batch's end."""
    snapshot = collected.newest.snapshot
    values = {
        "id": new_id("ord"), "shop_id": shop.id, "order_ref": snapshot.order_ref, "currency": snapshot.currency,
        "first_seen_at": clock.now(), "gone_at": None, "read_at": read_at,
        "evaluated_hash": collected.newest.content_hash if evaluated else "",
        **_columns(collected),
    }  # fmt: skip
    if unheard:
        db.later(session, _make, [values], unread=True)
    elif not _insert_new(session, Order, values):
        return None
    order: Order = sa.inspect(Order).class_manager.new_instance()
    order.__dict__.update(values)  # as it is loaded: set one by one, the columns take longer than the insert
    make_transient_to_detached(order)
    session.add(order)
    return order


def _write(order: Order, collected: Collected, evaluated: bool) -> bool:
    """Bring the row up to date. True when an evaluation could come out differently; a trigger time alone can't."""
    changed = False
    for name, value in _columns(collected).items():
        if getattr(order, name) != value:
            setattr(order, name, value)
            changed = changed or name != "triggered_at"
    if changed and evaluated:
        order.evaluated_hash = order.content_hash
    return changed


def _keep(
    session: Session, order: Order, version: Version, source: str, outcome: Outcome, *, created: bool = False
) -> None:
    row = {
        "id": new_id("ver"), "order_id": order.id, "changed_at": version.changed_at,
        "triggered_at": version.triggered_at, "content_hash": version.content_hash,
        "snapshot": events.encode(version.snapshot).decode(), "buyer_hash": version.buyer_hash,
        "buyer_hashes": version.buyer_hashes, "source": source, "outcome": outcome, "superseded": False,
        "heard_at": clock.now(),
    }  # fmt: skip
    db.later(session, _KEEP, [row], unread=created)


def _adopt(session: Session, order: Order, loose: Sequence[dict[str, Any]]) -> None:
    """Parked facts have found their order."""
    ids = [row["id"] for row in loose if row["order_id"] is None]
    if ids:
        session.execute(
            sa.update(LooseFact).where(LooseFact.id.in_(ids)).values(order_id=order.id, applied_at=clock.now())
        )


def _make(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    try:
        db.add_rows(connection, Order.__table__, rows)
    except IntegrityError as error:
        raise Conflict("another transaction made one of a batch's orders first; read again and repeat") from error


def _insert_new(session: Session, table: type[Base], values: dict[str, Any]) -> bool:
    """INSERT … ON CONFLICT DO NOTHING; False when the row was there."""
    connection = session.connection()
    return connection.execute(_new(connection.dialect.name, table), values).rowcount == 1


@cache
def _new(dialect: str, table: type[Base]) -> sa.Insert:
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    # SQLAlchemy keeps an INSERT's row count only when asked to; without it PostgreSQL's reads -1.
    return insert.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _readable(snapshot: OrderSnapshot) -> None:
    """Errors: PayloadUnreadable for what no rule says how to count; MoneyRefused for a currency we can't price in."""
    money.exponent(snapshot.currency)
    if not snapshot.lines:
        raise PayloadUnreadable("$.lines", "the order has none: a store keeps lines that were removed")
    refs = [line.line_ref for line in snapshot.lines]
    if len(set(refs)) != len(refs):
        raise PayloadUnreadable("$.lines", "two lines have one id")
    for number, line in enumerate(snapshot.lines):
        path = f"$.lines[{number}]"
        if line.quantity < 0 or line.current_quantity < 0:
            raise PayloadUnreadable(f"{path}.quantity", "a quantity is negative")
        if abs(line.quantity * line.unit_price) > money.LARGEST:
            raise PayloadUnreadable(f"{path}.unit_price", "the line is larger than we book")
        if any(allocation.amount < 0 for allocation in line.allocations):
            raise PayloadUnreadable(f"{path}.allocations", "a discount is negative")
    for number, refund in enumerate(snapshot.refunds):
        _countable(refund, f"$.refunds[{number}]")


def _countable(refund: Refund, path: str) -> None:
    if any(line.quantity < 0 for line in refund.lines):
        raise PayloadUnreadable(f"{path}.lines", "a quantity is negative")
    if any(abs(line.subtotal) > money.LARGEST for line in refund.lines):
        raise PayloadUnreadable(f"{path}.lines", "an amount is larger than we book")
