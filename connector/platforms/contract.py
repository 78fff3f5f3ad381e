"""What a store platform must bring. Code above sees platforms only through this module.

A platform is one `Platform` value: constants, capabilities, and five parts (authorize, catalog, orders, webhooks,
checkout), beside those that only some platforms have (embedded, handover, pasted, farewell, parting, samples). Parts
are synchronous, know no database and no Flask, and do HTTP only through the `Http` port that they are given; so a test
hands them a fake, and the budget of a shop's API is kept outside.

The ways in, each a capability:

    joins_by_code           we send the browser to the platform and it comes back with our state and a code
    joins_from_platform     the platform's own pages begin: its callback brings a code and no state of ours
    joins_by_handover       the merchant approves in the store, whose server then posts us a key pair
    joins_by_credentials    the merchant pastes a key that was made in the store
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec
from pydantic_settings import BaseSettings

from connector.events import (
    Buyer,
    Carrier,
    Dispute,
    Event,
    OrderSeen,
    OrderSnapshot,
    Product,
    Refund,
    Return,
    ShopProfile,
)

Capability = Literal[
    "joins_by_code",  # authorization code grant, started by us
    "joins_from_platform",  # authorization code grant, started in the platform's own pages: no state of ours
    "joins_by_handover",  # the merchant approves in the store, its server posts us the keys
    "joins_by_credentials",  # the merchant pastes keys
    "shop_secrets",  # deliveries come to an address of the shop's own, signed with a secret that we made for it
    "plugin",  # the store posts through a small plug-in of ours: the merchant is shown address and secret
    "embedded",  # installs by itself and shows us in a frame, with a token that says who looks
    "bulk_catalog",  # a whole catalog as one streamed file
    "webhooks_by_api",  # subscriptions are made per shop through the API
    "stock",  # the stock of single items, asked after a StockSeen
    "market_prices",  # prices by the buyer's country
    "fat_orders",  # a signed body holds the whole order
    "cart_links",  # a URL that opens the store's cart with our carriers in it
    "global_ids",  # ids of orders, products and shops are unique over all shops of the platform
    "storefront_carts",  # a cart can be made at the store, before the buyer is sent there
    "landing_links",  # the token may ride in the address of the store's own page
    "sample_orders",  # a zero-price order can be placed at the store, marked as a creator's sample
]


class HttpAnswer(Protocol):
    """What comes back. `content` is read whole unless the call streamed."""

    status: int
    headers: Mapping[str, str]

    @property
    def content(self) -> bytes: ...

    def lines(self) -> Iterator[bytes]:
        """Lines without their end, streamed; sizes are counted after decompression. Errors: PlatformDown when cut."""
        ...

    def close(self) -> None: ...


class Http(Protocol):
    """The way out. Refuses hosts that aren't allowed, private addresses and redirects to them (dev excepted).

    Errors: HostRefused before anything leaves; PlatformDown for time-outs and refused connections. A status is never
    an error here: the platform's client turns it into one.
    """

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        form: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: float = 20.0,
    ) -> HttpAnswer: ...


class Budget(Protocol):
    """A shop's API budget, shared by all workers. Platforms report what the platform answered."""

    def wait(self, cost: float) -> None:
        """Block until `cost` points may be spent (returns at once where nothing is known yet)."""
        ...

    def heard(self, available: float, maximum: float, restore_rate: float) -> None:
        """The answer came, with the platform's own figures."""
        ...

    def landed(self) -> None:
        """An answer came that says nothing of points, or none will: what was taken is no longer under way."""
        ...

    def served(self, version: str) -> None:
        """Another API version answered than was asked: shapes may have moved, a person must hear of it."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """A shop's permission, opened. Never logged (`repr` hides the secrets)."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None  # wall time; None: never
    refresh_expires_at: datetime | None = None
    # What calls need beside the tokens and is no secret: the API's address, a channel, locations. Kept as it is.
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Client:
    """All that a call to one shop needs. Made by `shops.client_for`, which renews the grant first."""

    domain: str
    currency: str  # the shop's, "" while joining
    grant: Grant = field(repr=False)
    http: Http = field(repr=False)
    budget: Budget = field(repr=False)
    settings: Any = field(repr=False)  # the platform's own settings object


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request as received: exact bytes, header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    path: str = ""  # as it was asked for: `/webhooks/<slug>` and what stands behind
    url: str = ""  # our public origin, as it was configured, and the path: what some platforms sign
    # Of a platform with `shop_secrets`: whom the address was made for, and the secrets that may sign, newest first.
    domain: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a delivery's headers say, read after the signature was found right. The domain is a *claim*."""

    domain: str
    topic: str
    delivery_ref: str | None = None  # the platform's key of one delivery to one subscription
    event_ref: str | None = None  # correlates deliveries of one act; never a reason to drop one
    triggered_at: datetime | None = None
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a shop's deliveries are to go, and what they are to be signed with ("": the app's own secret signs)."""

    address: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class JoinStart:
    """Where the merchant goes to agree."""

    url: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A finished grant exchange."""

    domain: str
    grant: Grant = field(repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A store that was found where a merchant said that it is."""

    domain: str  # the tenant key: host, port and path where they matter, in lower case but for the path
    details: Mapping[str, str] = field(default_factory=dict)  # for the grant


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing that a merchant pastes. `help` says where in the store it is made."""

    name: str  # of the form's field: a to z and _
    title: str
    help: str
    example: str = ""
    secret: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """One thing that a platform's folder promises, and what the promise rests on.

    proven      seen on a real store, or on the platform's own schema and recorded payloads; `how` says which
    unproven    built from documentation alone: nobody has seen it work
    absent      the platform can't, or we don't yet; `how` says what happens instead
    """

    what: str
    state: Literal["proven", "unproven", "absent"]
    how: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Whom a session token proves: somebody of this shop looks at us inside the platform's own pages, right now."""

    domain: str
    person_ref: str  # the platform's id of the staff member: for the audit log, never a name
    issued_at: datetime  # by the platform's clock, as its trigger times are
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page needs that is shown in the platform's frame."""

    ancestors: tuple[str, ...]  # exact origins that may frame it
    script: str  # the platform's own script, first in <head>
    script_source: str  # what the policy has to allow for it
    public_id: str  # the app's public name there, which the script reads


@dataclass(frozen=True, slots=True)
class CartLine:
    variant_ref: str
    quantity: int = 1
    product_ref: str = ""  # where it is known: some platforms make carts of a product and its variant
    token: str = ""  # of the line's own touch, where it isn't the cart's: for platforms whose lines carry one


class RefusedItem(msgspec.Struct, frozen=True):
    """A product that we can't take in whole, with a reason a merchant understands. Never a part of it."""

    product_ref: str
    title: str
    reason: str  # a code: `price_missing`, `price_unreadable`, `too_many_variants`, `title_missing` …
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProductPage:
    products: Sequence[Product]
    refused: Sequence[RefusedItem]
    checkpoint: str | None  # where to go on; None at the end
    gone: Sequence[str] = ()  # refs of products that the store says were deleted


class StockLevel(msgspec.Struct, frozen=True):
    """What the store says now of one variant's stock. `item_ref` is what StockSeen calls it."""

    item_ref: str
    variant_ref: str
    product_ref: str
    stock: int | None  # None: not tracked
    available: bool


class MarketPrice(msgspec.Struct, frozen=True):
    """A variant's price for buyers of one country, in that market's currency. Minor units."""

    variant_ref: str
    country: str  # ISO 3166-1, two letters
    currency: str
    price: int
    compare_at: int | None = None


@dataclass(frozen=True, slots=True)
class OrderRead:
    """One order read through the API: an equal snapshot to the webhook's of the same version."""

    snapshot: OrderSnapshot
    buyer: Buyer
    read_at: datetime  # time of the request: its trigger time
    disputes: tuple[Dispute, ...] = ()  # beside the snapshot: a body of the same version can't know them
    returns: tuple[Return, ...] = ()  # as disputes
    hints: tuple[Carrier, ...] = ()  # the same: what the store's own journey says of the buyer's way

    @property
    def seen(self) -> OrderSeen:
        return OrderSeen(self.snapshot, self.buyer, self.disputes, self.hints, self.returns)


@dataclass(frozen=True, slots=True)
class OrderHead:
    """A line of the list of changed orders."""

    order_ref: str
    number: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderPage:
    heads: Sequence[OrderHead]
    checkpoint: str | None


@dataclass(frozen=True, slots=True)
class BulkState:
    """How a bulk export stands. `url` is set when done and not empty."""

    operation_ref: str
    status: Literal["running", "done", "failed", "cancelled"]
    objects: int = 0
    roots: int | None = None
    size: int | None = None
    url: str | None = None
    problem: str = ""


class BulkNode(msgspec.Struct, frozen=True):
    """One line of a bulk file, typed by the platform: a product head, a variant, or an image, with its parent's ref."""

    kind: Literal["product", "variant", "image", "other"]
    ref: str
    parent_ref: str | None
    value: Any  # Product without variants | Variant | str (image URL) | RefusedItem | None


class Authorize(Protocol):
    def domain(self, typed: str, settings: Any) -> str:
        """The canonical host of what a merchant typed or a query said. Errors: HostRefused, nothing was sent."""
        ...

    def begin(self, domain: str, state: str, redirect_uri: str, settings: Any) -> JoinStart:
        """Where the merchant agrees (`can("joins_by_code")`). `domain` is "" where only the platform knows the shop."""
        ...

    def answered(self, query: Sequence[tuple[str, str]], settings: Any, now: datetime) -> str | None:
        """The domain that the callback proves by its own signature; None where the platform signs no callback.

        Nothing is sent. Errors: SignatureRejected.
        """
        ...

    def launched(
        self, query: Sequence[tuple[str, str]], settings: Any, now: datetime, *, within: timedelta | None = None
    ) -> str:
        """The domain that a signed launch link proves, at most `within` old (None: as old as the platform lets it be).

        Errors: SignatureRejected.
        """
        ...

    def complete(
        self, query: Sequence[tuple[str, str]], redirect_uri: str, settings: Any, http: Http, now: datetime
    ) -> Joined:
        """Check the callback's signature, host and freshness, then trade the code. State is the caller's to check.

        Errors: SignatureRejected or HostRefused before any request leaves; GrantLost(fatal) when the code is refused.
        """
        ...

    def renew(self, domain: str, grant: Grant, settings: Any, http: Http, now: datetime) -> Grant:
        """Errors: GrantLost(fatal): the merchant must come back; PlatformDown: try the same refresh token again."""
        ...

    def profile(self, client: Client) -> ShopProfile: ...

    def scopes(self, client: Client) -> tuple[str, ...]: ...


class Handover(Protocol):
    """Joining by the store's own page of approval (`can("joins_by_handover")`)."""

    def locate(self, typed: str, settings: Any, http: Http) -> Place:
        """Ask the address what it is, before a merchant is sent there.

        Errors: HostRefused; InputRefused("shop", …) in words that tell the merchant what to do.
        """
        ...

    def begin(self, place: Place, state: str, callback_url: str, return_url: str, settings: Any) -> JoinStart:
        """The store's page of approval. The state is in both addresses already, and is named where the store wants a
        value of ours."""
        ...

    def denied(self, query: Sequence[tuple[str, str]]) -> bool:
        """Does the return page's query say that the merchant did not agree? Nobody signs it: it only ends a wait."""
        ...

    def handed(self, body: bytes, state: str, place: Place, settings: Any, http: Http, now: datetime) -> Joined:
        """The keys that the store's server posted, tried on that very store: a callback is signed by nobody.

        Errors: PayloadUnreadable for a body that isn't one; InputRefused(field, …) for keys that don't open the store,
        or open too little of it; PlatformDown.
        """
        ...


class Pasted(Protocol):
    """Joining by pasted keys (`can("joins_by_credentials")`)."""

    fields: Sequence[CredentialField]
    steps: Sequence[str]  # what the merchant does in the store, a sentence a step

    def enter(self, given: Mapping[str, str], settings: Any, http: Http, now: datetime) -> Joined:
        """What was pasted, tried on the store: it must open it, and far enough.

        Errors: HostRefused; InputRefused(field's name, what is wrong, what to do); PlatformDown.
        """
        ...


class Farewell(Protocol):
    """A call by which the platform says that an app was removed, beside or instead of a delivery."""

    def said(self, query: Sequence[tuple[str, str]], settings: Any, now: datetime) -> tuple[str, datetime]:
        """Which domain left, and when by the platform's clock. Errors: SignatureRejected."""
        ...


class Parting(Protocol):
    """Going, while the key still opens the store: what we put there is taken away."""

    def part(self, client: Client, hook: Hook) -> None:
        """Remove our subscriptions (those to `hook.address` or to one of ours before it), and give the permission back
        where the platform takes it. Asked once, best effort: a store that is down keeps what it has.

        Errors: those of the platform.
        """
        ...


class Embedded(Protocol):
    """The other way in (`can("embedded")`): the platform installs and a session token takes the code's place."""

    def visited(self, token: str, settings: Any, now: datetime) -> Visit:
        """Whom the token proves. Errors: SignatureRejected; every live secret is tried, nothing is sent."""
        ...

    def exchange(self, visit: Visit, settings: Any, http: Http, now: datetime) -> Joined:
        """The token for a grant. Errors: GrantLost(fatal) when refused: a newer token may do; PlatformDown."""
        ...

    def frame(self, domain: str | None, settings: Any) -> Frame:
        """For a domain that was checked; None: not known yet, so only the platform's own pages may frame it."""
        ...

    def admin_url(self, domain: str, settings: Any) -> str:
        """Where a merchant opens us inside the platform."""
        ...


class Catalog(Protocol):
    def bulk_start(self, client: Client) -> str: ...

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState: ...

    def bulk_cancel(self, client: Client, operation_ref: str) -> None: ...

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Iterator[BulkNode]:
        """Stream the file, a node a line, in the file's order, after skipping lines already taken.

        Children may come in any order, far from their parents. Errors: HostRefused for a host that isn't on the
        platform's list; PlatformDown when the stream is cut; PayloadUnreadable(path) for a line that isn't JSON.
        """
        ...

    def products(self, client: Client, refs: Sequence[str]) -> ProductPage:
        """Some products, whole (all variants), by ref. One that the store doesn't have is simply absent."""
        ...

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        """A page of the products that changed since, whole, oldest change first; all of them where `since` is None."""
        ...

    def newest_change(self, client: Client) -> datetime | None:
        """The store's own time of its newest product change: where the next `changed` begins. None: it has none."""
        ...

    def stock(self, client: Client, item_refs: Sequence[str]) -> Sequence[StockLevel]:
        """The stock of some items now (`can("stock")`). One that the store doesn't have is absent."""
        ...

    def market_prices(self, client: Client, variant_refs: Sequence[str], country: str) -> Sequence[MarketPrice]:
        """Prices for buyers of a country (`can("market_prices")`). A variant that the store doesn't have is absent."""
        ...


class Orders(Protocol):
    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        """The whole order, every nested list paged to its end; None when the store doesn't have it."""
        ...

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        """Several whole orders in as few questions as the platform allows, each as `one` reads it, under its ref."""
        ...

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        """Orders that the store says changed since, oldest change first."""
        ...

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        """Orders that were created from `since` on and before `until`."""
        ...


class Webhooks(Protocol):
    # topic → name of the event it becomes; and the topics that are ignored on purpose, with the reason
    topics: Mapping[str, str]
    ignored: Mapping[str, str]

    def verify(self, delivery: Delivery, settings: Any) -> Envelope:
        """Errors: SignatureRejected. Every live secret is tried, in constant time, on the raw bytes."""
        ...

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        """(order ref, product ref) that a body is about, for the inbox's index; None where it has none.

        Called at receipt, before the answer: cheap, and it never raises, whatever the bytes are.
        """
        ...

    def translate(self, envelope: Envelope, body: bytes, currency: str) -> list[Event]:
        """Pure: bytes to events. `currency` is the shop's. Errors: PayloadUnreadable(path)."""
        ...

    def greeting(self, delivery: Delivery) -> bool:
        """Is it an unsigned call by which the platform tries our address? It is answered 200 and nothing is kept.

        Asked of deliveries whose signature is wrong or missing. Never raises.
        """
        ...

    def subscribe(self, client: Client, hook: Hook) -> list[str]:
        """Make sure that every topic we need is delivered to the hook; the topics that had to be put (back).

        Subscriptions that were switched off are switched on again, those of ours to another address are removed.
        """
        ...


Way = Literal["permalink", "storefront_cart", "landing"]


@dataclass(frozen=True, slots=True)
class Carrying:
    """One place in which a token rides from a tap to its order; what a platform keeps is listed, not programmed.

    `name` is what `Checkout.tokens` and hints call it. `ways` are the ways to the store on which we set it.
    """

    name: str
    ways: frozenset[Way]
    shown_as: str  # where the store's order shows it, in the store's own words
    lost_when: str  # why it may not arrive, for support
    remedy: str  # what the merchant can do about it
    fallback: bool = False  # read only where no other came


class Checkout(Protocol):
    carriers: Sequence[Carrying]
    # The platform's own checkouts, beside the store's hosts: a tap from there came when the buyer had decided.
    hosts: frozenset[str]

    def cart_link(
        self, domain: str, lines: Sequence[CartLine], token: str, settings: Any, *, landing: str = "", code: str = ""
    ) -> str:
        """A URL that opens the store's own checkout with `token` in every carrier that the platform keeps.

        `code` is a discount code to apply. Errors: InputRefused for a token, a line or a code that no link can hold.
        """
        ...

    def landing_link(self, domain: str, url: str, token: str, settings: Any, *, code: str = "") -> str:
        """The store's page at `url` with the token in its address; with a code, by the store's discount link."""
        ...

    def make_cart(self, client: Client, lines: Sequence[CartLine], token: str, *, code: str = "") -> str:
        """A cart made at the store, with the token on it and on each of its lines; the address of its checkout.

        Only where the platform can `storefront_carts` and the shop granted what it asks for (`may_make_carts`). The
        buyer waits meanwhile: a few seconds at most.
        Errors: those of the platform; HostRefused for an address that isn't the store's.
        """
        ...

    def may_make_carts(self, scopes: Sequence[str]) -> bool: ...

    def variant_link(self, url: str, variant_ref: str) -> str:
        """A product's own page with that variant chosen: what feeds and search engines are given. Holds no token."""
        ...

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        """(value, carrier's name) for every carrier of ours that survived on the order; any order, repeats kept.

        A value is as the store kept it: a token, perhaps with characters lost or added on its way.
        """
        ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a sample goes. Personal data: never logged, never in an error (`repr` hides it)."""

    name: str = field(repr=False)
    address1: str = field(repr=False)
    city: str = field(repr=False)
    country: str  # ISO 3166-1, two letters
    postal_code: str = field(default="", repr=False)
    address2: str = field(default="", repr=False)
    region: str = field(default="", repr=False)  # state, province; as the store's country wants it
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """A zero-price order that we place at the store, so that the merchant packs it like any other."""

    reference: str  # ours, `smp_…`: on the order, and what `find` asks for
    variant_ref: str
    product_ref: str
    title: str  # of product and variant, where a store wants a line's words
    recipient: Recipient
    note: str  # for whoever packs it: that it is a creator's sample, whose, and where the request stands


@dataclass(frozen=True, slots=True)
class PlacedSample:
    order_ref: str  # as snapshots call the order
    number: str
    cancelled: bool = False


class Samples(Protocol):
    """Sample orders at the store (there where `can("sample_orders")`): free, marked, and they earn nothing.

    A snapshot of one says `sample`, on both sides.
    """

    def may_place(self, scopes: Sequence[str]) -> bool:
        """Did the shop grant what it takes? Where not, the merchant sends it by hand and says so."""
        ...

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        """The order that has our reference. Asked before each `place`: an answer may have been lost."""
        ...

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        """Place it. Errors: InputRefused("variant_ref" | "recipient.<field>", …) where the store refuses it, in words
        for the merchant; those of the platform. A call that was cut is asked for with `find` before it is tried again.
        """
        ...

    def cancel(self, client: Client, order_ref: str) -> bool:
        """Cancel it and put the item back, unless it is on its way already (False). A repeat is harmless."""
        ...


@dataclass(frozen=True, slots=True)
class Platform:
    slug: str
    title: str
    capabilities: frozenset[Capability]
    settings: type[BaseSettings]
    authorize: Authorize
    catalog: Catalog
    orders: Orders
    webhooks: Webhooks
    checkout: Checkout
    overlap_seconds: int = 600  # how far back an incremental call looks beyond its watermark
    products_overlap_seconds: int | None = None  # the same of products; None: as above
    embedded: Embedded | None = None  # there where `can("embedded")`
    handover: Handover | None = None  # there where `can("joins_by_handover")`
    pasted: Pasted | None = None  # there where `can("joins_by_credentials")`
    farewell: Farewell | None = None
    parting: Parting | None = None
    samples: Samples | None = None  # there where `can("sample_orders")`
    # Of `joins_by_code`, `joins_by_handover`: what a store's address looks like, for the form that asks for it. "" with
    # `joins_by_code`: nobody is asked, only the platform's answer says which shop it is.
    address_example: str = ""
    # Of `plugin`: how our plug-in comes into the store, a sentence a step.
    plugin_steps: Sequence[str] = ()
    # The importable package whose folder `plugin` merchants are given as an archive; "": they get it elsewhere.
    plugin_home: str = ""
    # Origins of the platform's own pages that may frame the page which ends a launch or a join begun there.
    frames: tuple[str, ...] = ()
    needs: str = ""  # one sentence for the merchant who chooses a platform: what to have at hand
    # How often orders and products are asked for where deliveries may be lost or don't come at all.
    orders_every: timedelta = timedelta(hours=1)
    products_every: timedelta = timedelta(minutes=15)
    # The list of changed orders doesn't show every change (a refund, say): each look reads uncleared orders again.
    quiet_changes: bool = False
    header_prefixes: tuple[str, ...] = ()  # of the headers that are kept with a delivery; (): `x-<slug>-`
    readiness: Sequence[Readiness] = ()
    # check of `connector.conformance` that this platform need not pass → why
    exemptions: Mapping[str, str] = field(default_factory=dict)
    # what we do with a shop → the scopes that it needs; what isn't named needs none
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # a page of the store's own admin (`product`, `order`) → its path under the shop's origin, `{ref}` its id there
    places: Mapping[str, str] = field(default_factory=dict)

    def can(self, capability: Capability) -> bool:
        return capability in self.capabilities


__all__ = [
    "Authorize", "Budget", "BulkNode", "BulkState", "Capability", "Carrying", "CartLine", "Catalog", "Checkout",
    "Client", "CredentialField", "Delivery", "Embedded", "Envelope", "Farewell", "Frame", "Grant", "Handover", "Hook",
    "Http", "HttpAnswer", "JoinStart", "Joined", "MarketPrice", "OrderHead", "OrderPage", "OrderRead", "Orders",
    "Parting", "Pasted", "Place", "PlacedSample", "Platform", "ProductPage", "Readiness", "Recipient", "Refund",
    "RefusedItem", "SampleOrder", "Samples", "StockLevel", "Visit", "Way", "Webhooks",
]  # fmt: skip
