"""Joining Square: the code flow of RFC 6749, started by us. Who joins is known only when the code was traded.

The callback is signed by nobody: our state, of this browser and used once, is what binds it. Access tokens live thirty
days; the refresh token is the same for ever, and Square wants a renewal every seven days at the latest.
Source: Square's OAuth reference (fact sheet, section 2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec

from connector.errors import (
    ConfigurationWrong,
    GrantLost,
    HostRefused,
    PayloadUnreadable,
    PlatformDown,
    PlatformError,
    PlatformRefused,
    SignatureRejected,
)
from connector.events import ShopProfile
from connector.platforms.contract import Client, Grant, Http, HttpAnswer, Joined, JoinStart
from connector.platforms.reading import clean, decode, moment
from connector.platforms.rest import refusal
from connector.platforms.square.client import api, code_of
from connector.platforms.square.payloads import (
    Location,
    LocationsReply,
    MerchantReply,
    TokenReply,
    TokenStatus,
)
from connector.platforms.square.settings import SquareSettings

Query = Sequence[tuple[str, str]]
MERCHANT = re.compile(r"[A-Z][A-Z0-9]{4,63}")
RENEW_AFTER = timedelta(days=7)  # by Square's own advice; a token itself lives thirty
TOKEN_LIFE = timedelta(days=30)
NO_WEBSITE = "https://squareup.com"


class Authorize:
    """The contract's `Authorize` for Square."""

    def domain(self, typed: str, settings: SquareSettings) -> str:
        """A merchant id is the key of a seller: Square has no host of the seller's own.

        Errors: HostRefused for everything else.
        """
        if MERCHANT.fullmatch(typed) is None:
            raise HostRefused("not a Square merchant id", public="A Square seller is connected by signing in there.")
        return typed

    def begin(self, domain: str, state: str, redirect_uri: str, settings: SquareSettings) -> JoinStart:
        """Square's page of consent. Which seller it will be, the seller decides there by signing in.

        `session=false` makes Square ask who it is, however is signed in already; its sandbox doesn't know the word.
        """
        if not settings.client_id or not settings.client_secret.get_secret_value():
            raise ConfigurationWrong(
                "SQUARE_CLIENT_ID", "or SQUARE_CLIENT_SECRET is empty", "Copy both from the application's page."
            )
        query = {
            "client_id": settings.client_id,
            "scope": " ".join(settings.wanted_scopes()),
            "state": state,
            "redirect_uri": redirect_uri,
        }
        if not settings.sandbox:
            query["session"] = "false"
        return JoinStart(f"{settings.origin}/oauth2/authorize?{urlencode(query)}")

    def answered(self, query: Query, settings: SquareSettings, now: datetime) -> None:
        """Square signs no callback."""

    def launched(
        self, query: Query, settings: SquareSettings, now: datetime, *, within: timedelta | None = None
    ) -> str:
        raise SignatureRejected("Square opens no app by a link")

    def complete(self, query: Query, redirect_uri: str, settings: SquareSettings, http: Http, now: datetime) -> Joined:
        """The code for tokens; the reply says whose they are.

        Errors: GrantLost(fatal) when the seller said no, or Square doesn't take the code.
        """
        given = dict(query)
        if "error" in given:
            raise GrantLost("the seller did not agree", fatal=True)
        codes = [value for name, value in query if name == "code"]
        if len(codes) != 1 or not codes[0]:
            raise SignatureRejected(f"the query has {len(codes)} values of code")
        reply = _trade(
            {"grant_type": "authorization_code", "code": codes[0], "redirect_uri": redirect_uri}, settings, http
        )
        return Joined(self.domain(reply.merchant_id, settings), _grant(reply, now))

    def renew(self, domain: str, grant: Grant, settings: SquareSettings, http: Http, now: datetime) -> Grant:
        """The same refresh token comes back, so an answer that got lost costs nothing."""
        if grant.refresh_token is None:
            raise GrantLost(f"{domain}: there is no refresh token, the seller must join anew", fatal=True)
        reply = _trade({"grant_type": "refresh_token", "refresh_token": grant.refresh_token}, settings, http)
        if reply.merchant_id != domain:
            raise GrantLost(f"{domain}: the renewed token is another seller's", fatal=True)
        return _grant(reply, now, grant)

    def profile(self, client: Client) -> ShopProfile:
        """The merchant, with currency, zone and website of its main location: orders and prices are a location's."""
        rest = api(client)
        merchant = rest.get("/v2/merchants/me").read(MerchantReply).merchant
        if merchant.id != client.domain:
            raise PlatformRefused(f"{client.domain}: the answer speaks of another seller")
        main = main_location(rest.get("/v2/locations").read(LocationsReply).locations, merchant.main_location_id)
        return ShopProfile(
            shop_ref=merchant.id,
            domain=client.domain,
            name=clean(merchant.business_name or main.name or merchant.id),
            currency=main.currency or merchant.currency,
            time_zone=main.timezone or "UTC",
            country=main.country or merchant.country,
            storefront_url=_website(main.website_url),
        )

    def scopes(self, client: Client) -> tuple[str, ...]:
        status = api(client).post("/oauth2/token/status", {}).read(TokenStatus)
        return tuple(sorted(status.scopes))


def main_location(locations: Sequence[Location], main: str) -> Location:
    """The named one, else the first that is open. Errors: PlatformRefused for a seller without any."""
    active = [each for each in locations if each.status == "ACTIVE"]
    for each in active:
        if each.id == main:
            return each
    if not active:
        raise PlatformRefused("the seller has no active location at Square")
    return active[0]


def _website(url: str) -> str:
    """Sellers type it by hand, mostly without a scheme. Without one there is no page of theirs that we know."""
    bare = url.strip()
    if not bare or any(letter.isspace() for letter in bare):
        return NO_WEBSITE
    return bare if bare.startswith("https://") else "https://" + bare.removeprefix("http://")


def _trade(asked: Mapping[str, str], settings: SquareSettings, http: Http) -> TokenReply:
    """Errors: GrantLost(fatal), PlatformBusy, PlatformDown, PlatformRefused."""
    body = {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.get_secret_value(),
        **asked,
    }
    answer = http.send(
        "POST",
        f"{settings.origin}/oauth2/token",
        headers={
            "Accept": "application/json", "Content-Type": "application/json", "Square-Version": settings.api_version,
        },
        body=msgspec.json.encode(body),
    )  # fmt: skip
    try:
        if answer.status != 200:
            raise _refused(answer)
        try:
            return decode(answer.content, TokenReply)
        except PayloadUnreadable as error:
            raise PlatformDown(f"Square's token reply can't be read at {error.path}") from None
    finally:
        answer.close()


def _refused(answer: HttpAnswer) -> PlatformError:
    if answer.status in (400, 401, 403):
        return GrantLost(f"Square refused the token request ({code_of(answer.content) or answer.status})", fatal=True)
    return refusal(answer.status, {name.lower(): value for name, value in answer.headers.items()}, "Square")


def _grant(reply: TokenReply, now: datetime, before: Grant | None = None) -> Grant:
    """`expires_at` is brought forward to Square's own advice, so that the usual renewal keeps to it."""
    try:
        dies = moment(reply.expires_at, "$.expires_at") if reply.expires_at else now + TOKEN_LIFE
    except PayloadUnreadable:
        dies = now + TOKEN_LIFE
    refresh_dies = None
    if reply.refresh_token_expires_at:
        try:
            refresh_dies = moment(reply.refresh_token_expires_at, "$.refresh_token_expires_at")
        except PayloadUnreadable:
            refresh_dies = None
    return Grant(
        access_token=reply.access_token,
        refresh_token=reply.refresh_token or (before.refresh_token if before else None),
        scopes=before.scopes if before else (),
        expires_at=min(dies, now + RENEW_AFTER),
        refresh_expires_at=refresh_dies,
        details=before.details if before else {},
    )
