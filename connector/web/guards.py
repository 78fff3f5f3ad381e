"""Who may call a route. Every view says it with one decorator, right under its route:

    @blueprint.get("/console/inbox")
    @staff("support")
    def inbox() -> str: ...

    public("why")                 nobody needs to be known
    staff("support")              a signed-in staff member with that role or a higher one; who it is: `g.staff`
    merchant                      a browser that signed in for one shop, or somebody in the store's own admin who brings
                                  the platform's session token; which shop: `g.shop`
    creator                       a browser that came in by a creator's single-use link; who it is: `g.creator`, and
                                  `g.creator_id`, which every query of the studio is bound to
    app_scope("listings:read")    an app token with that scope, as `Authorization: Bearer …`; which one: `g.app_token`
    signed("platform webhook")    the view checks a signature on the bytes itself, before anything else

An app with a view that says nothing does not start (`refuse_unguarded`). The guard is the outermost decorator, so that
nothing of a request is read before it is known who asks. Forms are protected against cross-site posts wherever the
guard goes by a cookie: that follows from the guard and can't be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from ipaddress import ip_address
from typing import Any, Literal, ParamSpec, TypeVar, cast

from flask import Flask, current_app, g, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from connector import clock, db, telemetry
from connector.access import studio, tokens
from connector.access.roles import Role, covers
from connector.access.tables import AppToken, Staff
from connector.commerce.shops import absences, queries
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import ConfigurationWrong, NotAllowed, NotSignedIn
from connector.programme.creators.tables import Creator
from connector.web import embedded, sessions

P = ParamSpec("P")
R = TypeVar("R")
GuardKind = Literal["public", "staff", "merchant", "creator", "app_scope", "signed"]
_MARK = "__guard__"
# `app.extensions[ENTERED]`: what a face asks of a request by token once it is known whose it is, before its view.
ENTERED = "guards.entered"


@dataclass(frozen=True, slots=True)
class Guard:
    """What a view asks for: a role, a scope, or why it asks for nothing."""

    kind: GuardKind
    asks: str


@dataclass(frozen=True, slots=True)
class StaffSeen:
    """The staff member of this request, in `g.staff`."""

    id: str
    name: str
    role: str

    def may(self, role: Role) -> bool:
        return covers(self.role, role)


@dataclass(frozen=True, slots=True)
class AppSeen:
    """The app token of this request, in `g.app_token`."""

    id: str
    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class CreatorSeen:
    """The creator of this request, in `g.creator`."""

    id: str
    handle: str
    name: str


class NeedsToken(NotSignedIn):
    """A document in the platform's frame that has to ask for a session token first."""


class NeedsJoin(NotSignedIn):
    """A good session token of a shop that isn't connected (any more): opening the app connects it."""


class TooMany(Exception):
    """An app token asked more often than `CONNECTOR_REQUESTS_PER_MINUTE`; answered with 429 and Retry-After."""


def public(why: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Nobody needs to be known. A form posted here still needs the token of its page."""
    return _guard(Guard("public", why), _check_form)


def staff(role: Role = "support") -> Callable[[Callable[P, R]], Callable[P, R]]:
    def enter() -> None:
        g.staff = _staff_of_request()
        if not g.staff.may(role):
            raise NotAllowed(
                f"role {g.staff.role} asked for {role}",
                public=f"This page needs the role {role}; you are signed in as {g.staff.name} with the role "
                f"{g.staff.role}. Who runs the connector can change that.",
            )
        _check_form()

    return _guard(Guard("staff", role), enter)


def merchant(view: Callable[P, R]) -> Callable[P, R]:
    def enter() -> None:
        found = embedded.seen()
        if found is not None:
            g.shop = _shop_of_visit(found)
        elif embedded.in_frame() and request.method in ("GET", "HEAD") and not embedded.by_fetch():
            raise NeedsToken("a page in the frame without a session token")
        else:
            g.shop = _shop_of_request()
        telemetry.bind(shop_id=g.shop.id)
        if found is None:
            # A session token in a header is never sent by a browser on its own: no other site can forge such a form.
            _check_form()

    return _guard(Guard("merchant", "their own shop"), enter)(view)


def creator(view: Callable[P, R]) -> Callable[P, R]:
    def enter() -> None:
        g.creator = _creator_of_request()
        g.creator_id = g.creator.id
        telemetry.bind(creator_id=g.creator_id)
        _check_form()

    return _guard(Guard("creator", "their own earnings"), enter)(view)


def app_scope(scope: str, *, loopback_in_dev: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """An app token with `scope`. `loopback_in_dev`: on a laptop the same machine needs none (metrics)."""
    if scope not in tokens.SCOPES:
        raise ConfigurationWrong("scope", f"{scope!r} isn't on the list", "Add it to access.tokens.SCOPES.")

    def enter() -> None:
        if loopback_in_dev and current_app.config["CONNECTOR"].dev and _from_here():
            return
        g.app_token = _app_of_request()
        if scope not in g.app_token.scopes:
            raise NotAllowed(f"token without {scope}", public=f"The token has no scope {scope}.")
        for entered in current_app.extensions.get(ENTERED, ()):
            entered()

    return _guard(Guard("app_scope", scope), enter)


def signed(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The view itself checks the signature of `what` on the raw bytes; no cookie counts here."""
    return _guard(Guard("signed", what), lambda: None)


def guard_of(view: Callable[..., Any]) -> Guard | None:
    """The guard of a view, only where it is the outermost decorator."""
    mark = getattr(view, _MARK, None)
    return mark[0] if mark is not None and mark[1] is view else None


def refuse_unguarded(app: Flask) -> None:
    """Stop the start when a route says nothing about who may call it. Errors: ConfigurationWrong, naming the views."""
    silent = sorted(name for name, view in app.view_functions.items() if guard_of(view) is None)
    if silent:
        raise ConfigurationWrong(
            "routes", f"no guard outermost on {', '.join(silent)}", "Put one of web.guards right under the route."
        )


def actor() -> str:
    """Who asks, as the audit log names them."""
    if seen := g.get("staff"):
        return f"staff:{seen.name}"
    if shop := g.get("shop"):
        found = embedded.peek()
        return f"merchant:{shop.id}" + (f"/{found.visit.person_ref}" if found else "")
    if seen_creator := g.get("creator"):
        return f"creator:{seen_creator.id}"
    if token := g.get("app_token"):
        return f"app:{token.name}"
    return "nobody"


def _guard(what: Guard, enter: Callable[[], None]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            enter()
            return view(*args, **kwargs)

        # The mark names its own function: `wraps` of a later decorator copies it, and then it no longer matches.
        setattr(guarded, _MARK, (what, guarded))
        return guarded

    return decorate


def _check_form() -> None:
    if protection := current_app.extensions.get("csrf"):
        protection.protect()


def _staff_of_request() -> StaffSeen:
    slot = sessions.signed_in("staff")
    if slot is None:
        raise NotSignedIn("nobody is signed in as staff")
    with db.read(Scope.system("who is signed in: staff have no shop")) as session:
        person = session.get(Staff, slot.subject_id)
        if person is None or not person.active or person.session_epoch != slot.epoch:
            sessions.sign_out("staff")
            raise NotSignedIn("a staff session that was ended")
        return StaffSeen(person.id, person.name, person.role)


def _shop_of_visit(found: embedded.Seen) -> Shop:
    """The connected shop that a session token proves. Errors: NeedsJoin."""
    with db.read(Scope.system("which shop a session token is about")) as session:
        shop = queries.find(session, found.platform.slug, found.visit.domain)
        if shop is None or not queries.has_good_grant(session, shop, clock.wall()):
            raise NeedsJoin(
                "a session token of a shop that isn't connected",
                public="Your store is not connected any more. Open the app in your store's admin to connect it.",
            )
        session.expunge(shop)
        return shop


def _shop_of_request() -> Shop:
    slot = sessions.signed_in("merchant")
    if slot is None:
        raise NotSignedIn("nobody is signed in as a merchant")
    with db.read(Scope.shop(slot.subject_id)) as session:
        shop = session.get(Shop, slot.subject_id)
        # Who managed the shop before it left need not be who connected it again. A slot's start is in whole seconds.
        moved = absences.last_known(session, slot.subject_id)
        moved = moved.replace(microsecond=0) if moved is not None else None
        if shop is None or shop.status == "left" or (moved is not None and moved > slot.began):
            sessions.sign_out("merchant")
            raise NotSignedIn("a merchant session whose shop left")
        session.expunge(shop)
        return shop


def _creator_of_request() -> CreatorSeen:
    slot = sessions.signed_in("creator")
    if slot is None:
        raise NotSignedIn("nobody is signed in as a creator")
    with db.read(Scope.creator(slot.subject_id)) as session:
        row = session.get(Creator, slot.subject_id)
        # Whoever is suspended or has closed the account still reads what they earned, and why.
        if row is None or studio.epoch(session, slot.subject_id) != slot.epoch:
            sessions.sign_out("creator")
            raise NotSignedIn("a creator's session that was ended")
        return CreatorSeen(row.id, row.handle, row.name)


def _app_of_request() -> AppSeen:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise NotSignedIn("no app token", public="Send an app token as Authorization: Bearer ….")
    now = clock.wall()
    with db.read(Scope.app()) as session:
        row = tokens.verify(session, secret.strip())
        session.expunge(row)
    _within_rate(row)
    if tokens.use_is_due(row, now):
        with db.write(Scope.app()) as session:
            tokens.note_use(session, row.id, now)
    return AppSeen(row.id, row.name, frozenset(row.scopes.split()))


# Counted in each web process by itself: a guard against a runaway client, not a contract.
_rates = FixedWindowRateLimiter(MemoryStorage())


def _within_rate(row: AppToken) -> None:
    per_minute = RateLimitItemPerMinute(cast("int", current_app.config["CONNECTOR"].requests_per_minute))
    if not _rates.hit(per_minute, row.id):
        raise TooMany


def _from_here() -> bool:
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
