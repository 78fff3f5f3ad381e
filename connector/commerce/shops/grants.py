"""A shop's permission: sealed at rest, renewed in time, by one worker at a time.

HTTP may not happen inside a write transaction, so a renewal is three steps: take the lease on the grant's row, ask the
platform, write both tokens in one transaction. A crash between the second and the third loses nothing: the refresh
token that we hold stays good at the platform until the one it gave in exchange is used, so whoever comes next (after
the lease has run out) asks again with the same token. For the same reason the previous refresh token is kept, sealed,
until its successor has itself renewed once.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, outbound, vault
from connector.commerce.shops import budget, queries
from connector.commerce.shops.tables import GrantRow, Shop
from connector.db import Scope
from connector.errors import GrantLost, PlatformBusy, PlatformDown
from connector.platforms import roster
from connector.platforms.contract import Client, Grant, Http

T = TypeVar("T")
RENEW_BEFORE = timedelta(minutes=5)
# Longer than a renewal's own time-outs, so that a lease runs out only when its holder is gone.
LEASE = timedelta(seconds=25)
WAIT_AT_MOST = 40.0
# A store left alone loses its refresh token (Shopify: after 90 days); one renewal a month keeps it.
IDLE_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Held:
    """The grant's row, read in one short session."""

    shop_id: str
    platform: str
    domain: str
    currency: str
    grant: Grant
    previous_refresh: str | None
    generation: int


def seal_grant(session: Session, shop_id: str, grant: Grant, *, scopes_at: datetime | None = None) -> None:
    """Store a grant that the merchant just gave: it replaces whatever there was, a renewal under way included.

    `scopes_at`: business time since which its scopes hold.
    """
    row = session.get(GrantRow, shop_id, with_for_update=True)
    if row is None:
        row = GrantRow(shop_id=shop_id, access_sealed="", renewed_at=clock.wall(), generation=0)
        session.add(row)
    _fill(row, grant)
    row.previous_refresh_sealed = None
    row.scopes_at = scopes_at or row.scopes_at
    session.flush()


def client_for(shop_id: str, http: Http | None = None, *, refused: Client | None = None) -> Client:
    """What a call to this shop needs, with an access token that lives for minutes yet.

    Opens its own short sessions: never call it inside `db.write()`. `refused` is the client whose token the platform
    has just answered with 401: unless somebody renewed since, it is renewed whatever its expiry says.
    Errors: GrantLost(fatal) when the merchant must reconnect (the shop's status says why); PlatformBusy when another
    worker's renewal doesn't end; PlatformDown when the platform can't be reached and the token is spent.
    """
    http = http or outbound.current()
    held = _held(shop_id)
    if refused is not None and held.grant.access_token == refused.grant.access_token:
        held = _renew(held, http, spent=True)
    elif _due(held.grant):
        held = _renew(held, http, spent=_spent(held.grant))
    return Client(
        domain=held.domain,
        currency=held.currency,
        grant=held.grant,
        http=http,
        budget=budget.SharedBudget(shop_id),
        settings=roster.settings_of(held.platform),
    )


def calling(shop_id: str, work: Callable[[Client], T], http: Http | None = None) -> T:
    """`work` with a client for the shop; when the platform refuses its token, once more with a renewed one.

    `work` may run twice, so it must be safe to repeat. HTTP: never inside `db.write()`.
    Errors: as `client_for` and as `work`. GrantLost is always fatal then: the shop's status says that the merchant must
    come back, and why.
    """
    client = client_for(shop_id, http)
    try:
        return work(client)
    except GrantLost as lost:
        if lost.fatal:
            _given_up(shop_id, client, "The store refuses its permission for good.")
            raise
    client = client_for(shop_id, http, refused=client)
    try:
        return work(client)
    except GrantLost as lost:
        _given_up(shop_id, client, "The store refuses its permission even after it was renewed.")
        raise GrantLost(str(lost), fatal=True) from lost


def _given_up(shop_id: str, client: Client, detail: str) -> None:
    """Say so on the shop, unless it has another grant by now or is marked already."""
    try:
        held = _held(shop_id)
    except GrantLost:
        return  # left, or marked by who came before
    if held.grant.access_token == client.grant.access_token:
        _merchant_must_return(held, "grant_lost", detail)


def idle(session: Session, now: datetime | None = None) -> list[str]:
    """Connected shops whose refresh token has not been used for a month. `now` is wall time."""
    before = (now or clock.wall()) - IDLE_AFTER
    return list(
        session.scalars(
            sa.select(GrantRow.shop_id)
            .join(Shop, Shop.id == GrantRow.shop_id)
            .where(Shop.status == "connected", GrantRow.refresh_sealed.is_not(None), GrantRow.renewed_at < before)
            .order_by(GrantRow.renewed_at)
        )
    )


def keep_alive(shop_id: str, http: Http | None = None) -> None:
    """Renew now. Errors: as `client_for`."""
    _renew(_held(shop_id), http or outbound.current(), spent=True)


def _renew(held: _Held, http: Http, *, spent: bool) -> _Held:
    """Renew, or wait for the one who does. `spent`: the access token can't be used meanwhile."""
    if held.grant.refresh_token is None:
        if not spent:
            return held
        reason = "The store's permission ran out and can't be renewed."
        _merchant_must_return(held, "grant_lost", reason)
        raise GrantLost(f"{held.domain}: {reason}", fatal=True)
    owner = secrets.token_hex(8)
    give_up = time.monotonic() + WAIT_AT_MOST
    while not _take_lease(held, owner):
        now = _held(held.shop_id)
        if now.generation != held.generation:
            return now
        if not spent and not _spent(now.grant):
            return now
        if time.monotonic() > give_up:
            raise PlatformBusy(f"{held.domain}: a renewal is under way elsewhere", retry_after=5)
        time.sleep(0.05 + random.random() * 0.1)  # noqa: S311  # spreads the waiting workers, nothing secret
    return _ask(_held(held.shop_id), owner, http, spent=spent)


def _ask(held: _Held, owner: str, http: Http, *, spent: bool) -> _Held:
    """Ask the platform and write down what it answered. We hold the lease."""
    try:
        renewed = _exchange(held, http)
    except GrantLost as lost:
        _give_lease_back(held, owner)
        if lost.fatal:
            _merchant_must_return(held, "grant_lost", "The store refused to renew its permission.")
        raise
    except (PlatformDown, PlatformBusy):
        _give_lease_back(held, owner)
        if spent or _spent(held.grant):
            raise
        return held
    except BaseException:
        _give_lease_back(held, owner)
        raise
    _write_down(held, owner, renewed)
    return _held(held.shop_id)


def _exchange(held: _Held, http: Http) -> Grant:
    """The newest refresh token first; if that is refused, the one before, which a lost answer may have left alive."""
    authorize = roster.platform(held.platform).authorize
    settings = roster.settings_of(held.platform)
    try:
        return authorize.renew(held.domain, held.grant, settings, http, clock.wall())
    except GrantLost as lost:
        if not lost.fatal or held.previous_refresh is None:
            raise
        earlier = replace(held.grant, refresh_token=held.previous_refresh)
        return authorize.renew(held.domain, earlier, settings, http, clock.wall())


def _take_lease(held: _Held, owner: str) -> bool:
    now = clock.wall()
    with db.write(Scope.shop(held.shop_id)) as session:
        taken = session.execute(
            sa.update(GrantRow)
            .where(
                GrantRow.shop_id == held.shop_id,
                GrantRow.generation == held.generation,
                sa.or_(GrantRow.lease_owner.is_(None), GrantRow.lease_until < now),
            )
            .values(lease_owner=owner, lease_until=now + LEASE)
        )
        return bool(taken.rowcount)  # type: ignore[attr-defined]


def _give_lease_back(held: _Held, owner: str) -> None:
    with db.write(Scope.shop(held.shop_id)) as session:
        session.execute(
            sa.update(GrantRow)
            .where(GrantRow.shop_id == held.shop_id, GrantRow.lease_owner == owner)
            .values(lease_owner=None, lease_until=None)
        )


def _write_down(held: _Held, owner: str, renewed: Grant) -> None:
    """Both tokens in one transaction. Whoever lost the lease meanwhile drops what it got: the newer pair counts."""
    with db.write(Scope.shop(held.shop_id)) as session:
        row = session.get(GrantRow, held.shop_id, with_for_update=True)
        if row is None or row.generation != held.generation or row.lease_owner != owner:
            return
        previous = row.refresh_sealed
        _fill(row, renewed)
        row.previous_refresh_sealed = previous if renewed.refresh_token else None
        if not renewed.refresh_token:
            row.refresh_sealed = previous


def _fill(row: GrantRow, grant: Grant) -> None:
    box = vault.current()
    row.access_sealed = box.seal(grant.access_token)
    row.refresh_sealed = box.seal(grant.refresh_token) if grant.refresh_token else None
    if grant.scopes:
        row.scopes = " ".join(grant.scopes)
    if grant.details:
        row.details = dict(grant.details)
    row.expires_at, row.refresh_expires_at = grant.expires_at, grant.refresh_expires_at
    row.generation += 1
    row.renewed_at = clock.wall()
    row.lease_owner = row.lease_until = None


def _held(shop_id: str) -> _Held:
    """Errors: GrantLost(fatal) for a shop that left or must reconnect: nothing is sent for it."""
    box = vault.current()
    with db.read(Scope.shop(shop_id)) as session:
        shop = queries.get(session, shop_id)
        row = session.get(GrantRow, shop_id)
        if shop.status != "connected" or row is None:
            raise GrantLost(f"{shop.domain} is {shop.status}: {shop.status_reason or 'no grant'}", fatal=True)
        return _Held(
            shop_id=shop_id,
            platform=shop.platform,
            domain=shop.domain,
            currency=shop.currency,
            grant=Grant(
                access_token=box.open(row.access_sealed).decode(),
                refresh_token=box.open(row.refresh_sealed).decode() if row.refresh_sealed else None,
                scopes=tuple(row.scopes.split()),
                expires_at=row.expires_at,
                refresh_expires_at=row.refresh_expires_at,
                details={name: str(value) for name, value in row.details.items()},
            ),
            previous_refresh=box.open(row.previous_refresh_sealed).decode() if row.previous_refresh_sealed else None,
            generation=row.generation,
        )


def _merchant_must_return(held: _Held, reason: str, detail: str) -> None:
    """Say so on the shop, unless the merchant has come back meanwhile (the grant is another one then)."""
    with db.write(Scope.shop(held.shop_id)) as session:
        row = session.get(GrantRow, held.shop_id, with_for_update=True)
        shop = queries.get(session, held.shop_id)
        if row is None or row.generation != held.generation or shop.status != "connected":
            return
        shop.status, shop.status_reason, shop.status_detail = "needs_reconnect", reason, detail


def _due(grant: Grant) -> bool:
    return grant.expires_at is not None and grant.expires_at - clock.wall() < RENEW_BEFORE


def _spent(grant: Grant) -> bool:
    return grant.expires_at is not None and grant.expires_at - clock.wall() < timedelta(seconds=15)
