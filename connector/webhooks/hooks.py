"""Addresses of shops' own, with their secrets: for platforms where each shop signs with a secret of its own.

The address of a delivery says whose it is (`/webhooks/<platform>/<key>`), the shop's secret proves it, and what the
body or a header claims of the shop is never read. A secret is made once and stays through a reinstall, so that what the
store still has under way is taken.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db, vault
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.platforms.contract import Hook
from connector.webhooks.tables import ShopHook

KNOWN_FOR = 30.0  # seconds that a process trusts what it read
FRESH = 1.0  # the same, where a signature is wrong: a flood of bad ones asks the database once a second for an address
MOST_KNOWN = 10_000
_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")  # ours have 32


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whose an address is."""

    domain: str
    secrets: tuple[str, ...] = field(repr=False)


def hook_of(shop_id: str, public_url: str) -> Hook:
    """The shop's address and secret, made where there are none. Opens its own session: never inside `db.write()`."""
    with db.read(Scope.shop(shop_id)) as session:
        slug = session.scalar(sa.select(Shop.platform).where(Shop.id == shop_id)) or ""
        row = session.get(ShopHook, shop_id)
        kept = (row.key, row.secret_sealed) if row is not None else None
    if kept is None:
        with db.write(Scope.shop(shop_id)) as session:
            row = _row(session, shop_id)
            kept = (row.key, row.secret_sealed)
    secret = vault.current().open(kept[1]).decode()
    return Hook(address=f"{public_url}/webhooks/{slug}/{kept[0]}", secret=secret)


def change_secret(session: Session, shop_id: str, by: str) -> str:
    """A new secret; the one before is taken too, until the next change. The new one is given back once."""
    row = _row(session, shop_id)
    fresh = _secret()
    row.previous_sealed, row.secret_sealed = row.secret_sealed, vault.current().seal(fresh)
    row.changed_at = clock.wall()
    audit.record(session, by, "webhooks.secret_changed", shop_id, shop_id=shop_id)
    session.flush()
    return fresh


def addressee(database: Database, platform_slug: str, key: str, *, within: float = KNOWN_FOR) -> Addressee | None:
    """Whose the address with this key is; None: nobody's. Errors: those of a database that is away.

    `within`: how old what this process knows may be, in seconds. Asked again with less where a signature is wrong: the
    secret may have been changed a moment ago, by another process.
    """
    if _KEY.fullmatch(key) is None:  # nothing that we ever made: neither asked for nor remembered
        return None
    known = _known_of(database)
    at = time.monotonic()
    found = known.get((platform_slug, key))
    if found is not None and at - found[0] < within:
        return found[1]
    with database.read(Scope.system("whose a delivery's address is")) as session:
        row = session.execute(
            sa.select(Shop.domain, ShopHook.secret_sealed, ShopHook.previous_sealed)
            .join(ShopHook, ShopHook.shop_id == Shop.id)
            .where(Shop.platform == platform_slug, ShopHook.key == key)
        ).one_or_none()
    answer = None
    if row is not None:
        box = vault.current()
        sealed = [each for each in (row.secret_sealed, row.previous_sealed) if each]
        answer = Addressee(row.domain, tuple(box.open(each).decode() for each in sealed))
    with _lock:
        if len(known) >= MOST_KNOWN:  # made-up keys: what is known of real shops is read again
            known.clear()
        known[platform_slug, key] = (at, answer)
    return answer


def _row(session: Session, shop_id: str) -> ShopHook:
    row = session.get(ShopHook, shop_id, with_for_update=True)
    if row is not None:
        return row
    made = {
        "shop_id": shop_id,
        "key": secrets.token_urlsafe(24),
        "secret_sealed": vault.current().seal(_secret()),
        "previous_sealed": None,
        "made_at": clock.wall(),
        "changed_at": None,
    }
    insert = db.insert(session, ShopHook).values(**made)
    session.execute(insert.on_conflict_do_nothing(index_elements=["shop_id"]))
    return session.get_one(ShopHook, shop_id, populate_existing=True)


def _secret() -> str:
    return secrets.token_hex(32)  # letters and digits only: every platform takes it as it is


_lock = threading.Lock()
_Known = dict[tuple[str, str], tuple[float, Addressee | None]]
_known: WeakKeyDictionary[Database, _Known] = WeakKeyDictionary()


def _known_of(database: Database) -> _Known:
    with _lock:
        return _known.setdefault(database, {})
