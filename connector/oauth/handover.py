"""Joining by the store's own page of approval: its server posts us the keys while the merchant's browser comes back.

    begin     the address is asked what it is; a state is kept with what was found; the browser goes to the store
    handed    POST from the store's server, signed by nobody: the keys are tried on that very store, and only then kept
    returned  the browser that began comes back, before the keys or after them, and waits for how it ended

A state may be handed keys twice: the newest that open the store stay. Nothing of a body is kept or logged.

Whose browser is signed in. Anybody may begin a join of any store and send its owner the store's page; the owner agrees,
and it is the beginner's browser that waits for the store. So a browser is signed in only if it began and no other one
came back: the store sends the owner's browser to us in the moment in which it posts, and the beginner's waits longer
than that (`SETTLES`). An owner who comes back elsewhere ends every session of the shop that began before, and is told
where to begin. The shop itself stays connected: it is the store that agreed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from connector import audit, clock, db, outbound, telemetry
from connector.commerce.shops import absences
from connector.db import Scope
from connector.errors import ConnectorError, HostRefused, InputRefused, NotFound
from connector.oauth import join, state
from connector.oauth.state import JoinRefused
from connector.oauth.tables import PendingJoin
from connector.platforms import roster
from connector.platforms.contract import Handover, Http, Place

# A merchant may have to sign in at the store first.
LIFETIME = timedelta(minutes=30)
# From the keys to the sign-in: longer than the store takes to send the browser of who agreed back to us.
SETTLES = timedelta(seconds=2)
OTHER_BROWSER = "other_browser"
_WHY = "a hand-over names its store by its state alone"
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a hand-over stands: neither shop nor problem, while the store has posted nothing."""

    domain: str
    shop_id: str | None
    problem: str  # a sentence for the merchant


def begin(platform_slug: str, typed: str, browser: str, public_url: str, http: Http | None = None) -> str:
    """The store's page of approval, for the store at the address that was typed.

    Errors: NotFound where the platform isn't joined this way; HostRefused; InputRefused("shop", …) when there is no
    such store, in words for the merchant; PlatformDown. HTTP: never inside `db.write()`.
    """
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    part = part_of(platform_slug)
    place = part.locate(typed, settings, http or outbound.current())
    with db.write(Scope.system(_WHY)) as session:
        given = state.give(session, platform_slug, place.domain, browser, details=dict(place.details))
    address = f"{public_url}/oauth/{platform_slug}"
    callback, back = f"{address}/handover/{given}", f"{address}/return/{given}"
    _log.info("handover.begun", platform=platform.slug, domain=place.domain)
    return part.begin(place, given, callback, back, settings).url


def handed(platform_slug: str, given: str, body: bytes, http: Http | None = None) -> str:
    """Try the keys that the store's server posted, and keep them if they open the store. The shop's id.

    Errors: JoinRefused for a state that we never gave or whose time is over; those of `Handover.handed`. What the
    merchant should read then stands on the pending join; a shop that other keys connected before stays as it is.
    """
    began, now = clock.now(), clock.wall()
    with db.read(Scope.system(_WHY)) as session:
        row = _row(session, platform_slug, given, now)
        place = Place(row.domain, {name: str(value) for name, value in row.details.items()})
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    part, http = part_of(platform_slug), http or outbound.current()
    try:
        joined = part.handed(body, given, place, settings, http, now)
        if joined.domain != place.domain:
            raise HostRefused("keys of another store", public="The keys are those of another store than you named.")
        shop_id = join.finish(platform, joined, settings, http, began, "handover")
    except ConnectorError as error:
        _log.warning("handover.refused", platform=platform.slug, domain=place.domain, error=type(error).__name__)
        with db.write(Scope.system(_WHY)) as session:
            row = _row(session, platform_slug, given, now)
            row.problem = row.problem if row.problem == OTHER_BROWSER else _words(error)
        raise
    with db.write(Scope.system(_WHY)) as session:
        row = _row(session, platform_slug, given, now)
        row.shop_id, row.used_at = shop_id, clock.wall()
        if row.problem == OTHER_BROWSER:
            _end_sessions(session, shop_id)
        else:
            row.problem = ""
    return shop_id


def returned(platform_slug: str, given: str, browser: str, query: list[tuple[str, str]]) -> Waiting:
    """How the hand-over stands, for the browser that came back from the store.

    Errors: JoinRefused for a state that isn't ours or is too old, and for another browser than the one that began.
    """
    part, now = part_of(platform_slug), clock.wall()
    with db.write(Scope.system(_WHY)) as session:
        row = _row(session, platform_slug, given, now)
        stranger = not state.is_of(row, browser)
        if stranger and row.problem != OTHER_BROWSER:
            row.problem = OTHER_BROWSER
            if row.shop_id is not None:
                _end_sessions(session, row.shop_id)
        foreign, domain, shop_id, problem = row.problem == OTHER_BROWSER, row.domain, row.shop_id, row.problem
        settled = row.used_at is not None and row.used_at <= now - SETTLES
    if foreign:
        raise JoinRefused(
            "a hand-over of another browser",
            "Your store may be connected, but this was begun in another browser than the one that agreed. Begin again "
            "here, in one browser; do not follow links to this page that somebody sent you.",
            again="",
        )
    if shop_id is None and not problem and part.denied(query):
        return Waiting(domain, None, "You did not agree in your store, so nothing was connected.")
    return Waiting(domain, shop_id if settled else None, "" if shop_id else problem)


def part_of(platform_slug: str) -> Handover:
    """Errors: NotFound."""
    platform = roster.platform(platform_slug)
    if platform.handover is None or not platform.can("joins_by_handover"):
        raise NotFound(f"{platform.title} hands no keys over")
    return platform.handover


def _row(session: Session, platform_slug: str, given: str, now: datetime) -> PendingJoin:
    row = state.find(session, platform_slug, given)
    if row is None:
        raise JoinRefused("a state that we never gave", "This link was not started here.")
    if row.started_at <= now - LIFETIME:
        raise JoinRefused("a hand-over that is too old", "More than thirty minutes went by since this was started.")
    return row


def _end_sessions(session: Session, shop_id: str) -> None:
    """Who was signed in for the shop no longer is: an absence of no length, which no order falls into."""
    now = clock.now()
    absences.begin(session, shop_id, now, now)
    audit.record(session, "connector", "shop.sessions_ended", shop_id, shop_id=shop_id, why=OTHER_BROWSER)


def _words(error: ConnectorError) -> str:
    if isinstance(error, InputRefused):
        own = error.problem[:1].isupper()  # a sentence of its own, or what is wrong with the field
        said = error.problem if own else f"Your store's {error.field.replace('_', ' ')} {error.problem}"
        return f"{said} {error.remedy}".strip()
    return error.public if error.public != str(error) else "Your store did not answer as a store of this kind does."
