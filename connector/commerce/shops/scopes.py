"""What a shop lets us do: the scopes on its grant, and what we can't do without one.

What is granted is on the grant, as the platform said last: at the join, in its news of a change, or when asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.shops.tables import GrantRow, Shop


def asked(settings: Any) -> tuple[str, ...]:
    """What the platform's settings ask for; empty where the platform has no scopes."""
    wanted = getattr(settings, "scopes", ())
    return tuple(wanted.replace(",", " ").split()) if isinstance(wanted, str) else tuple(wanted)


def missing(wanted: Iterable[str], granted: Sequence[str]) -> tuple[str, ...]:
    """Wanted and not given. A right to write holds the right to read."""
    held = set(granted) | {"read_" + name.removeprefix("write_") for name in granted if name.startswith("write_")}
    return tuple(name for name in wanted if name not in held)


def lacking(features: Mapping[str, tuple[str, ...]], granted: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What we can't do for the shop → the scopes that it lacks for it."""
    found = {name: missing(needed, granted) for name, needed in features.items()}
    return {name: scopes for name, scopes in found.items() if scopes}


def granted(session: Session, shop_id: str) -> tuple[str, ...]:
    """Nothing for a shop without a grant."""
    row = session.get(GrantRow, shop_id)
    return tuple(row.scopes.split()) if row is not None else ()


def take(session: Session, shop: Shop, now_granted: Sequence[str], at: datetime, wanted: Sequence[str]) -> str:
    """Write down what the platform says is granted since `at` (business time).

    One of `stale` (something newer was said before), `same`, `changed`; `left` for a shop without a grant.
    """
    row = session.get(GrantRow, shop.id, with_for_update=True)
    if row is None:
        return "left"
    if row.scopes_at is not None and at < row.scopes_at:
        return "stale"
    before = set(row.scopes.split())
    row.scopes, row.scopes_at = " ".join(sorted(now_granted)), at
    if shop.status == "connected":
        say(shop, missing(wanted, now_granted))
    changed = before != set(now_granted)
    if changed and row.refresh_sealed is not None and (row.expires_at is None or row.expires_at > clock.wall()):
        row.expires_at = clock.wall()  # the token was made for the scopes before: the next call renews it first
    session.flush()
    return "changed" if changed else "same"


def say(shop: Shop, lacks: Sequence[str]) -> None:
    """Name on the shop what was asked for and not given, unless something weightier stands there."""
    if lacks and shop.status_reason in ("", "scopes_missing"):
        shop.status_reason = "scopes_missing"
        shop.status_detail = f"The store did not grant {', '.join(lacks)}: reconnect and agree to all of it."
    elif not lacks and shop.status_reason == "scopes_missing":
        shop.status_reason, shop.status_detail = "", ""
