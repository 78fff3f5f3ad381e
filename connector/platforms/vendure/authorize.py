"""How a merchant joins with Vendure: a key that was made in the store is pasted, and tried on it.

Vendure has no page of approval and no apps. A key (since 3.6) acts with a role, which may be as narrow as reading the
catalog and the orders. All refusals of a key look the same (200, FORBIDDEN), so that several questions are asked to
tell them apart; what each answer means was seen on a real store (NOTES.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from connector import money
from connector.errors import (
    GrantLost,
    HostRefused,
    InputRefused,
    MoneyRefused,
    NotFound,
    PayloadUnreadable,
    PlatformDown,
    PlatformRefused,
    SignatureRejected,
)
from connector.events import ShopProfile
from connector.platforms.contract import Client, CredentialField, Grant, Http, HttpAnswer, Joined, JoinStart
from connector.platforms.reading import decode, known
from connector.platforms.vendure import address, documents
from connector.platforms.vendure.amounts import MOST_PRECISION, Scale
from connector.platforms.vendure.client import (
    CHANNEL_HEADER,
    KEY_HEADER,
    SESSION_HEADER,
    Problem,
    Reply,
    ask,
    send,
)
from connector.platforms.vendure.payloads import ChannelAnswer, ChannelNode, SampleAnswer, SampleNode
from connector.platforms.vendure.samples import reach
from connector.platforms.vendure.settings import WANTED, VendureSettings

Query = Sequence[tuple[str, str]]
_KEY = re.compile(r"[\x21-\x7e]{8,512}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,200}")
_PERMISSIONS = {"products": "ReadCatalog", "orders": "ReadOrder"}
TIMEOUT = 15.0  # the merchant waits

FIELDS = (
    CredentialField(
        "admin_api", "Address of the Admin API",
        "Where your Vendure server answers its Admin API. It usually ends with /admin-api.",
        example="https://shop.example.com/admin-api",
    ),
    CredentialField(
        "api_key", "API key",
        "In the Dashboard: Settings, API keys, Create. Give it a role with ReadCatalog and ReadOrder. The whole key is "
        "shown once.",
        example="1f0c…:9a41…", secret=True,
    ),
    CredentialField(
        "storefront", "Address of your storefront",
        "Where buyers see your shop. Vendure has no storefront of its own, so it can't tell.",
        example="https://www.example.com",
    ),
    CredentialField(
        "product_page", "How a product's page is addressed",
        "The path of a product's page; {slug} stands for the product's slug, {id} for its id.",
        example="/products/{slug}", optional=True,
    ),
    CredentialField(
        "channel", "Channel token",
        "Only if you sell in several channels: the token of this one, from Settings, Channels. Empty: the default one.",
        example="8ck1lmv2hkzz", optional=True,
    ),
    CredentialField(
        "decimals", "Decimals of prices",
        "Only if the price shown on the page of your connection is wrong: how many digits are behind the point.",
        example="2", optional=True,
    ),
)  # fmt: skip

STEPS = (
    "Vendure 3.6 or newer: in your server's configuration, add 'api-key' to authOptions.tokenMethod, and deploy.",
    "In the Dashboard, make a role with the permissions ReadCatalog and ReadOrder; add UpdateChannel to let our "
    "plug-in set itself up, and CreateOrder, UpdateOrder, CreatePromotion and DeletePromotion to let us order samples "
    "for creators.",
    "Make an API key with that role, and copy it: it is shown once.",
    "Paste it here with the addresses of the Admin API and of your storefront.",
)


class Authorize:
    """The contract's `Authorize` for Vendure."""

    def domain(self, typed: str, settings: VendureSettings) -> str:
        return address.canonical(typed, dev=settings.dev)

    def begin(self, domain: str, state: str, redirect_uri: str, settings: VendureSettings) -> JoinStart:
        raise NotFound("Vendure has no page of approval: a key is pasted")

    def answered(self, query: Query, settings: VendureSettings, now: datetime) -> str | None:
        raise SignatureRejected("Vendure calls nobody back")

    def launched(
        self, query: Query, settings: VendureSettings, now: datetime, *, within: timedelta | None = None
    ) -> str:
        raise SignatureRejected("Vendure launches no apps")

    def complete(self, query: Query, redirect_uri: str, settings: VendureSettings, http: Http, now: datetime) -> Joined:
        raise SignatureRejected("Vendure calls nobody back")

    def renew(self, domain: str, grant: Grant, settings: VendureSettings, http: Http, now: datetime) -> Grant:
        raise GrantLost(f"{domain}: a key lives until it is revoked: the merchant must paste a new one", fatal=True)

    def profile(self, client: Client) -> ShopProfile:
        """Errors: PlatformRefused where the store counts prices otherwise than when it joined: every price and order
        would be wrong by a power of ten."""
        found = ask(client, documents.CHANNEL, {}, ChannelAnswer)
        channel, said = found.active_channel, found.global_settings.server_config.money_strategy_precision
        joined = client.grant.details.get("precision_said")
        if joined is not None and int(joined) != said:
            raise PlatformRefused(
                f"{client.domain}: the store keeps prices with {said} decimals now, and had {joined} when it joined. "
                "Join again so that they are read rightly"
            )
        named = channel.seller.name if channel.seller is not None else ""
        host = client.domain.partition("/")[0]
        return ShopProfile(
            shop_ref=channel.id,
            domain=client.domain,
            name=host if channel.code.startswith("__") else (named or channel.code),
            currency=channel.default_currency_code,
            time_zone="UTC",
            storefront_url=client.grant.details.get("storefront", ""),
            taxes_included=channel.prices_include_tax,
        )

    def scopes(self, client: Client) -> tuple[str, ...]:
        """Which of the wanted permissions the key has, found by asking: there is no question for them.

        Errors: GrantLost for a key that opens nothing.
        """
        reply, answered = send(client, documents.REACH, {})
        problems = reply.errors or []
        if problems and answered.headers.get(SESSION_HEADER) == "":
            raise GrantLost(f"{client.domain}: the store doesn't know the key")
        closed = _closed(problems)
        return (*(name for name in WANTED if name not in closed), *reach(client))


class Pasted:
    """The contract's `Pasted` for Vendure."""

    fields: Sequence[CredentialField] = FIELDS
    steps: Sequence[str] = STEPS

    def enter(self, given: Mapping[str, str], settings: VendureSettings, http: Http, now: datetime) -> Joined:
        """What was pasted, tried on the store: the address, then the key, the channel, what the key may read, and
        whether a price can be counted."""
        api = _address(given.get("admin_api", ""), settings)
        key = given.get("api_key", "").strip()
        if not _KEY.fullmatch(key):
            raise InputRefused(
                "api_key", "isn't a whole API key.", "Copy it as it was shown: both parts and the colon."
            )
        token = given.get("channel", "").strip()
        if token and not _TOKEN.fullmatch(token):
            raise InputRefused("channel", "isn't a channel's token.", "Copy it from Settings, Channels; not its name.")
        storefront = _storefront(given.get("storefront", ""), settings)
        page = _page(given.get("product_page", ""), storefront)
        trial = _Trial(http, api, key)
        found = _channel(trial, token)
        channel = found.active_channel
        if token and channel.token != token:
            raise _no_channel()
        closed = _closed(trial.ask(documents.REACH, token).errors or [])
        if closed:
            raise InputRefused(
                "api_key", f"its role may not read enough: {' and '.join(sorted(closed))} is missing.",
                "Add the permission to the key's role (for this channel), and try again with the same key.",
            )  # fmt: skip
        said = found.global_settings.server_config.money_strategy_precision
        decimals = _decimals(given.get("decimals", ""), said)
        details = {
            "api": api,
            "channel_id": channel.id,
            "channel_code": channel.code,
            "channel_token": channel.token,
            "precision": str(decimals),
            "precision_said": str(said),
            "storefront": storefront,
            "product_page": page,
            "language": channel.default_language_code,
            "sample": _sample(trial, token, channel, decimals),
        }
        return Joined(address.tenant(api, channel.id, dev=settings.dev), Grant(access_token=key, details=details))


# --- what was pasted --------------------------------------------------------------------------------------------------


def _address(typed: str, settings: VendureSettings) -> str:
    try:
        return address.api_address(typed, dev=settings.dev)
    except HostRefused as error:
        raise InputRefused("admin_api", "isn't an address of an Admin API.", error.public) from None


def _storefront(typed: str, settings: VendureSettings) -> str:
    """The origin of the storefront, perhaps with a path. It is where buyers are sent; nothing is asked of it."""
    text = typed.strip().rstrip("/")
    text = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    local = settings.dev and host in ("127.0.0.1", "localhost")
    plain = text.isascii() and text.isprintable() and " " not in text and parts.username is None and len(text) <= 300
    if not plain or not (local or ("." in host and host[-1:].isalpha())) or parts.query or parts.fragment or port == 0:
        raise InputRefused("storefront", "isn't the address of a storefront.", "For example https://www.example.com.")
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise InputRefused("storefront", "isn't https.", "Buyers are sent there: give its https address.")
    return text


def _page(typed: str, storefront: str) -> str:
    """The pattern of a product's page as a whole address."""
    text = typed.strip() or "/products/{slug}"
    own = urlsplit(storefront)
    whole = text if "://" in text else f"{storefront}/{text.lstrip('/')}"
    parts = urlsplit(whole)
    bare = re.sub(r"\{(?:slug|id)\}", "", whole)
    if (
        bare == whole
        or "{" in bare
        or "}" in bare
        or not (whole.isascii() and whole.isprintable() and " " not in whole)
        or (parts.scheme, parts.netloc.lower()) != (own.scheme, own.netloc.lower())
    ):
        raise InputRefused(
            "product_page", "isn't a page of the storefront with {slug} or {id} in it.",
            "Open a product in your shop and put {slug} where its name stands in the address: /products/{slug}.",
        )  # fmt: skip
    return whole


def _decimals(typed: str, said: int) -> int:
    text = typed.strip()
    if not text:
        return said
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_PRECISION):
        raise InputRefused("decimals", f"isn't a number from 0 to {MOST_PRECISION}.", "Leave it empty if in doubt.")
    return int(text)


# --- trying it --------------------------------------------------------------------------------------------------------


class _Trial:
    """Questions to a store of which nothing is known yet. What isn't an answer of an Admin API ends in words for the
    merchant."""

    def __init__(self, http: Http, api: str, key: str) -> None:
        self.http, self.api, self.key = http, api, key
        self.unknown_key = False  # the last answer says that the store doesn't know it

    def ask(self, document: str, token: str) -> Reply:
        """Errors: InputRefused("admin_api", …); PlatformDown."""
        headers = {
            "Content-Type": "application/json", "Accept": "application/json", KEY_HEADER: self.key,
            **({CHANNEL_HEADER: token} if token else {}),
        }  # fmt: skip
        body = msgspec.json.encode({"query": document, "variables": {}})
        try:
            answer = self.http.send("POST", self.api, headers=headers, body=body, timeout=TIMEOUT)
        except HostRefused:
            raise InputRefused(
                "admin_api", "leads to an address that only your own network can reach, or that isn't https.",
                "Give the address by which the store is reached from outside.",
            ) from None  # fmt: skip
        try:
            given = {name.lower(): value for name, value in answer.headers.items()}
            self.unknown_key = given.get(SESSION_HEADER) == ""
            return _reply(answer)
        finally:
            answer.close()


def _reply(answer: HttpAnswer) -> Reply:
    status = answer.status
    if status in (408, 425, 429) or status >= 500:
        raise PlatformDown(f"the store answered {status}")
    refused = {
        401: ("asks for a user name and a password (basic authentication).",
              "Let requests to the Admin API through without it; they carry their own key."),
        403: ("refuses us (403): a firewall or a proxy stands before it.",
              "Let our server through to the Admin API, or ask your host to."),
        404: ("has nothing there (404).", "Give the Admin API's own address: it usually ends with /admin-api."),
        405: ("takes no questions there (405).", "Give the Admin API's own address, not that of a page."),
    }.get(status)  # fmt: skip
    if 300 <= status < 400:
        refused = ("leads on to another address.", "Give the address that it leads to, with or without www. and slash.")
    if refused is not None:
        raise InputRefused("admin_api", *refused)
    content = answer.content
    try:
        reply = decode(content, Reply)
    except PayloadUnreadable:
        page = content.lstrip()[:1] == b"<"
        raise InputRefused(
            "admin_api", "answers with a web page and not with data." if page else "isn't an Admin API.",
            "Give the Admin API's own address (…/admin-api), not that of the Dashboard or of the shop.",
        ) from None  # fmt: skip
    if not reply.errors and bytes(reply.data) == b"null":
        raise InputRefused("admin_api", "isn't an Admin API.", "It usually ends with /admin-api.")
    return reply


def _channel(trial: _Trial, token: str) -> ChannelAnswer:
    """What the store says of the channel. Errors: InputRefused, which tells the refusals of a key apart."""
    reply = trial.ask(documents.CHANNEL, token)
    if not reply.errors:
        try:
            return decode(reply.data, ChannelAnswer)
        except PayloadUnreadable as error:
            raise InputRefused("admin_api", f"answers otherwise than Vendure does ({error.path}).") from None
    raise _meant(reply.errors, trial, token)


def _meant(problems: Sequence[Problem], trial: _Trial, token: str) -> InputRefused:
    """What the first error of the first question says of what was pasted."""
    code = problems[0].code
    if code == "GRAPHQL_VALIDATION_FAILED":
        return InputRefused(
            "admin_api", "is a GraphQL API, and not Vendure's Admin API of version 3.6 or newer.",
            "Give the Admin API's address, not the Shop API's (…/shop-api). Bring an older Vendure up to date.",
        )  # fmt: skip
    if code == "CHANNEL_NOT_FOUND":  # where there is only the default channel, that one answers instead
        return _no_channel()
    if code != "FORBIDDEN":
        return InputRefused("admin_api", "refuses the question.", "Look into the store's log, then try again.")
    unknown = trial.unknown_key
    if token and not trial.ask(documents.CHANNEL, "").errors:
        return InputRefused(
            "channel", "the key doesn't open this channel: it was made in another one, or its role isn't given for it.",
            "Choose the channel in the Dashboard, and make the role and the key there.",
        )  # fmt: skip
    if unknown:
        return InputRefused(
            "api_key", "isn't known to the store: it was revoked, or not copied whole.",
            "Make a new key in the Dashboard (Settings, API keys) and paste it here.",
        )  # fmt: skip
    return InputRefused(
        "api_key", "isn't looked at by the store: it takes sessions only, or something on the way removes the header "
        "vendure-api-key.",
        "Add 'api-key' to authOptions.tokenMethod in the store's configuration (Vendure 3.6 or newer), deploy, and let "
        "the header through in every proxy. If the key is for one channel only, give that channel's token too. If all "
        "of this is right, the key itself is wrong: make a new one.",
    )  # fmt: skip


def _no_channel() -> InputRefused:
    return InputRefused(
        "channel", "no channel of the store has this token.", "Copy it from Settings, Channels; or leave it out."
    )


def _closed(problems: Sequence[Problem]) -> set[str]:
    """Permissions that the errors of `REACH` say are missing."""
    return {
        _PERMISSIONS.get(problem.where, f"access to {problem.where or 'the store'}")
        for problem in problems
        if problem.code == "FORBIDDEN"
    }


def _sample(trial: _Trial, token: str, channel: ChannelNode, decimals: int) -> str:
    """A price as we read it, for the merchant to look at: `Laptop 13 inch: 1299.00 USD`; "" for an empty store.

    Errors: InputRefused for a currency or a price that can't be counted.
    """
    currency = channel.default_currency_code
    if not known(currency):
        raise InputRefused("admin_api", f"the channel sells in {currency[:8]}, which isn't an ISO 4217 currency.")
    reply = trial.ask(documents.SAMPLE, token)
    try:
        items: list[SampleNode] = [] if reply.errors else decode(reply.data, SampleAnswer).product_variants.items
    except PayloadUnreadable:
        items = []
    if not items:
        return ""
    try:
        price = Scale.of(currency, decimals).exact(items[0].price)
    except MoneyRefused as error:
        raise InputRefused(
            "decimals", f"with {decimals} decimals the price of {items[0].name[:60]} can't be counted: {error.problem}",
            "Say how many digits of a stored price stand behind the point, or round the prices in the store.",
        ) from None  # fmt: skip
    return f"{items[0].name[:80]}: {money.text(price, currency)} {currency}"
