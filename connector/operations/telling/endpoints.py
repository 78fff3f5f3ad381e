"""Where events go. An operator makes an endpoint; its secret is shown once; two of them sign while one is rotated."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, outbound, vault
from connector.db import new_id
from connector.errors import Conflict, HostRefused, InputRefused, NotFound
from connector.operations.telling import catalogue, gather, replay
from connector.operations.telling.tables import Endpoint

MOST = 20
ROTATION = timedelta(hours=72)  # how long the former secret signs too


def make(session: Session, name: str, url: str, kinds: Sequence[str], by: str) -> tuple[Endpoint, str]:
    """A new endpoint, on, and its secret, which is shown only now. It gets what happens from now on.

    Errors: InputRefused("name" | "url" | "kinds"); Conflict where there are MOST of them.
    """
    name = _name(name)
    url, wanted = checked_url(url), checked_kinds(kinds)
    listening = gather.endpoints(session)
    if len(listening) >= MOST:
        raise Conflict(f"there are {MOST} endpoints already: remove one first")
    if any(each.name == name for each in listening):
        raise InputRefused("name", "is another endpoint's already.")
    if not listening:
        gather.begin(session)
    secret = _secret()
    row = Endpoint(
        id=new_id("tep"), name=name, url=url, kinds=wanted, status="on", off_why="",
        secret_sealed=vault.current().seal(secret), previous_sealed=None, previous_until=None, made_at=clock.wall(),
        made_by=by, delivered_at=None, failing_since=None, failures=0, paused_until=None, leased_by="",
        leased_until=None,
    )  # fmt: skip
    session.add(row)
    audit.record(session, by, "endpoint.make", row.id, name=name, kinds=wanted)
    session.flush()
    return row, secret


def change(session: Session, endpoint_id: str, url: str, kinds: Sequence[str], by: str) -> Endpoint:
    """Another address, other kinds. What waits goes to the new address. Errors: as `make`; NotFound."""
    row = get(session, endpoint_id)
    row.url, row.kinds = checked_url(url), checked_kinds(kinds)
    row.paused_until, row.failures = None, 0
    audit.record(session, by, "endpoint.change", row.id, kinds=row.kinds)
    session.flush()
    return row


def rotate(session: Session, endpoint_id: str, by: str) -> str:
    """A new secret, shown only now; the one before it signs beside it for three days. Errors: NotFound; Conflict while
    a rotation lasts: a third secret would void one that the receiver still uses."""
    row = get(session, endpoint_id)
    now = clock.wall()
    if row.previous_until is not None and row.previous_until > now:
        raise Conflict("a rotation is under way: end it first, once the receiver knows the new secret")
    secret = _secret()
    row.previous_sealed, row.previous_until = row.secret_sealed, now + ROTATION
    row.secret_sealed = vault.current().seal(secret)
    audit.record(session, by, "endpoint.rotate", row.id, until=row.previous_until.isoformat())
    session.flush()
    return secret


def end_rotation(session: Session, endpoint_id: str, by: str) -> None:
    """Let the former secret go now. Errors: NotFound; Conflict where there is none."""
    row = get(session, endpoint_id)
    if row.previous_sealed is None:
        raise Conflict("no rotation is under way")
    row.previous_sealed = row.previous_until = None
    audit.record(session, by, "endpoint.rotated", row.id)
    session.flush()


def switch(session: Session, endpoint_id: str, *, on: bool, by: str) -> int:
    """Off: events are kept for it and nothing leaves. On: what was kept and what was given up leaves; how many wait."""
    row = get(session, endpoint_id)
    row.status, row.off_why = ("on", "") if on else ("off", "operator")
    row.failing_since, row.failures, row.paused_until = None, 0, None
    waiting = replay.given_up(session, row) if on else 0
    audit.record(session, by, "endpoint.on" if on else "endpoint.off", row.id, waiting=waiting)
    session.flush()
    return waiting


def remove(session: Session, endpoint_id: str, by: str) -> None:
    """Nothing more goes there, and its secrets are gone; what was sent can still be read. Errors: NotFound."""
    row = get(session, endpoint_id)
    row.status, row.secret_sealed, row.previous_sealed, row.previous_until = "removed", "", None, None
    replay.drop_waiting(session, row)
    audit.record(session, by, "endpoint.remove", row.id)
    session.flush()


def try_out(session: Session, endpoint_id: str, by: str) -> None:
    """Put an `endpoint.test` in line, for this endpoint alone. Errors: NotFound; Conflict where it is off."""
    row = get(session, endpoint_id)
    if row.status != "on":
        raise Conflict("the endpoint is off: switch it on first")
    event = {
        "kind": catalogue.TEST, "source": f"test:{new_id('tst')}", "at": clock.wall(), "creator_id": None,
        "shop_id": None, "notice_id": None, "data": {"why": "An operator tried this endpoint."},
    }  # fmt: skip
    gather.tell(session, [row], [event], whatever=True)
    audit.record(session, by, "endpoint.try", row.id)


def get(session: Session, endpoint_id: str) -> Endpoint:
    """One that isn't removed, locked. Errors: NotFound."""
    row = session.scalars(sa.select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update()).first()
    if row is None or row.status == "removed":
        raise NotFound(f"no endpoint {endpoint_id[:40]!r}")
    return row


def named(session: Session, name: str) -> Endpoint:
    """By id or name. Errors: NotFound."""
    row = session.scalars(
        sa.select(Endpoint).where(sa.or_(Endpoint.id == name, Endpoint.name == name), Endpoint.status != "removed")
    ).first()  # fmt: skip
    if row is None:
        raise NotFound(f"no endpoint is called {name[:80]!r}")
    return row


def checked_url(url: str) -> str:
    """Errors: InputRefused("url") for what no request would be sent to: no https, a private address, a user in it."""
    url = url.strip()
    try:
        outbound.current().permit(url)
    except HostRefused as refused:
        raise InputRefused("url", f"can't be used: {refused}.", "Give the https address of a public host.") from None
    if len(url) > 500 or "#" in url:
        raise InputRefused("url", "is longer than 500 characters, or has a fragment.")
    return url


def checked_kinds(kinds: Sequence[str]) -> list[str]:
    """Without doubles, sorted. Errors: InputRefused("kinds") for a kind that isn't in the catalogue."""
    wanted = sorted({kind.strip() for kind in kinds if kind.strip()})
    for kind in wanted:
        beginning = kind.endswith(".*") and any(known.startswith(kind[:-1]) for known in catalogue.KINDS)
        if kind not in catalogue.KINDS and not beginning:
            raise InputRefused(
                "kinds",
                f"{kind[:60]!r} isn't a kind of event.",
                "Take them from the catalogue, or `payout.*` for all of payouts.",
            )
    return wanted


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise InputRefused("name", "is empty, longer than 80 characters, or can't be shown.")
    return name


def _secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
