"""What the API takes and gives, as Pydantic models: the OpenAPI document is made from them.

Money is always three things: integer minor units (to reckon with), the ISO 4217 code, and a plain decimal string (to
show). Times are RFC 3339 in UTC. Fields that a request has and we don't know are refused, so that a slip of the pen
is seen at once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from connector import money

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _storable(text: str) -> str:
    # Neither survives a database: NUL is no text on PostgreSQL, half a surrogate pair is no UTF-8.
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("holds a character that can't be stored")
    return text


def _utc(moment: datetime) -> datetime:
    if not _EARLIEST < moment < _LATEST:
        raise ValueError("is not between the years 2000 and 2100")
    return moment.astimezone(UTC)


Text = Annotated[str, AfterValidator(_storable)]
Ident = Annotated[Text, Field(min_length=1, max_length=64)]
Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class Asked(BaseModel):
    """Base of what is sent to us."""

    model_config = ConfigDict(extra="forbid")


def example(**body: Any) -> ConfigDict:
    """A request as it may be sent, for the document; beside what the class has of `Asked`."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class Given(BaseModel):
    """Base of what we send."""

    model_config = ConfigDict(from_attributes=True)


class Problem(Given):
    """An error (RFC 9457), sent as application/problem+json."""

    type: str = Field(description="What kind of problem: a URN that never changes.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The reference of this request, to quote when you ask us.")
    field: str | None = Field(None, description="The field that can't be taken.")
    code: str | None = Field(None, description="Why, as a code that never changes, where the refusal has one.")
    fields: list[dict[str, Any]] | None = Field(
        None, description="Every field that can't be taken, and where it stood."
    )
    remedy: str | None = Field(None, description="What to do about it.")


class Money(Given):
    amount: int = Field(description="Integer minor units of the currency: cents, yen, fils.")
    currency: str = Field(description="ISO 4217.")
    decimal: str = Field(description="The same as a plain decimal string, with all the currency's decimals.")


def as_money(amount: int, currency: str) -> Money:
    return Money(amount=amount, currency=currency, decimal=money.text(amount, currency))


class Page(Asked):
    """How a list is read on."""

    cursor: Annotated[Text, Field(max_length=2000)] | None = Field(None, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=200)


class LongPage(Page):
    """Of a list that is seldom longer than a page."""

    limit: int = Field(200, ge=1, le=1000)


class PagedList(Given):
    """A list that goes on by a cursor."""

    next: str | None = Field(default=None, description="Send it as `cursor` for the next page; null at the end.")


# --- listings -----------------------------------------------------------------------------------------------------


class ListingsAsked(Page):
    q: Annotated[Text, Field(max_length=200)] = Field(
        "",
        description="Words that title, brand, category, tags, options, codes or description hold, every one of them. "
        "Case and accents don't count, a beginning is enough, and one wrong letter in a word of five or more.",
    )
    shop_id: Ident | None = None
    status: Literal["shoppable", "not_shoppable", "gone"] | None = Field(
        None, description="Without it: everything that isn't gone."
    )
    category: Annotated[Text, Field(max_length=200)] | None = Field(None, description="As the facet gives it.")
    available: bool | None = Field(None, description="true: only what can be bought now; false: only what can't.")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(
        None, description="ISO 4217. Only listings priced in it; needed where a price is given."
    )
    price_from: int | None = Field(None, ge=0, le=10**15, description="Minor units: lowest price at least this.")
    price_to: int | None = Field(None, ge=0, le=10**15, description="Minor units: lowest price at most this.")
    rate_from: int | None = Field(None, ge=0, le=10_000, description="Basis points: an open rate of at least this.")
    open_to: Ident | None = Field(
        None,
        description="A creator: only what can be sold and what they would earn by now, each with its `rate`. What only "
        "others may promote is left out, so a page may be shorter than `limit`: go on while there is a `next`. What is "
        "open to this creator alone is found with its `shop_id`.",
    )
    facets: Annotated[Text, Field(max_length=200)] = Field(
        "",
        description="Which of category, shop, price, rate, availability and status to count what was found by, parted "
        "by commas. They are in the first page's answer and in every other where they are asked for.",
    )


class NotShoppable(Given):
    """Why a listing can't be bought now."""

    code: str
    title: str
    remedy: str = Field(description="What the merchant can do.")


class Taxonomy(Given):
    """A category of the platform's own taxonomy."""

    ref: str = Field(description="The platform's id of it, like `aa-1-13-8`.")
    name: str = Field(description="Its full name, from the root on.")


class FacetCount(Given):
    """A value that some of what was found has."""

    value: str = Field(description="What to send as the filter: a category, a shop_id, a rate, true or false.")
    label: str
    count: int = Field(description="How many of the found listings, as the index knows them.")
    price_from: Money | None = Field(default=None, description="Of a price step: its lowest price.")
    price_to: Money | None = Field(default=None, description="Of a price step: its highest price; null: none.")


class RateShown(Given):
    rate_bp: int = Field(description="Basis points: 1500 is 15 %.")
    terms_id: str


class ListingHead(Given):
    id: str
    shop_id: str
    product_ref: str = Field(description="The store's own id of the product.")
    title: str
    vendor: str
    brand: str = Field(description="The maker, else the vendor.")
    category: str = Field(description="The merchant's own word for its kind.")
    taxonomy: Taxonomy | None = Field(description="Its place in the platform's taxonomy; null: the store gives none.")
    condition: str = Field(description="new, refurbished or used.")
    image_url: str
    price_from: Money | None = Field(description="The lowest price over its variants; null when it has none.")
    price_to: Money | None
    available: bool
    variant_count: int
    status: str
    reason: NotShoppable | None = Field(description="Why it isn't shoppable; null when it is.")
    rate: RateShown | None = Field(
        None, description="What the creator of `open_to` would earn on it; of one listing, what anybody would."
    )
    updated_at: datetime


class ListingPage(Given):
    items: list[ListingHead]
    next: str | None = Field(description="Send it as `cursor` for the next page; null at the end.")
    facets: dict[str, list[FacetCount]] | None = Field(default=None, description="By facet, where any was asked for.")


class OptionValue(Given):
    name: str
    value: str


class Option(Given):
    name: str
    values: list[str]


class VariantShown(Given):
    id: str
    variant_ref: str
    title: str
    sku: str
    barcode: str = Field(description="As the merchant typed it.")
    gtin: str = Field(description="The barcode where it is a GTIN of 8, 12, 13 or 14 digits that checks; else empty.")
    mpn: str = Field(description="The maker's part number.")
    price: Money
    compare_at: Money | None
    available: bool
    stock: int | None = Field(description="null: the store doesn't count it. May be negative.")
    options: list[OptionValue]
    image_url: str
    requires_shipping: bool


class ListingWhole(ListingHead):
    description: str
    url: str
    handle: str
    images: list[str]
    tags: list[str]
    options: list[Option]
    variants: list[VariantShown]
    rate: RateShown | None = Field(description="What every creator is offered for it now; null: nothing.")


class CatalogItem(Given):
    """A product with all its variants, for comparing item by item."""

    id: str
    product_ref: str
    title: str
    status: str
    reason: str
    currency: str
    variants: list[VariantShown]


class CatalogPage(Given):
    items: list[CatalogItem]
    next: str | None


# --- creators, content, terms, links --------------------------------------------------------------------------------


class CreatorCustomer(Asked):
    shop_id: Ident
    customer_ref: Annotated[Text, Field(min_length=1, max_length=200)] = Field(description="The store's own id.")


class CreatorAsked(Asked):
    model_config = example(handle="@mira", name="Mira", followers=12400, country="DE")

    handle: Annotated[Text, Field(max_length=200)] = Field(description="With or without @; one form of it is kept.")
    name: Annotated[Text, Field(max_length=200)] = Field("", description="Left out, it stays as it was.")
    followers: int | None = Field(None, ge=0, le=10**10, description="Left out, they stay as they were, at first 0.")
    country: Annotated[Text, Field(max_length=10)] | None = Field(
        None, description="Where the creator is, two letters of ISO 3166: from now on. Left out, it stays as it was."
    )
    email: Annotated[Text, Field(max_length=320)] | None = Field(
        None,
        description="What the creator buys by: kept as a keyed hash only, to know an own purchase. What was sent "
        "before stays.",
    )
    phone: Annotated[Text, Field(max_length=40)] | None = Field(None, description="As email, with its country code.")
    customers: list[CreatorCustomer] = Field(
        [], max_length=50, description="The creator as customer of shops: kept as keyed hashes only."
    )


class CreatorShown(Given):
    id: str
    handle: str
    name: str
    followers: int
    country: str | None = Field(description="Null: not known, which holds nobody back.")
    status: str
    touches: int = Field(description="Taps and clicks recorded for this creator, those over the rate too.")
    eligibility: str | None = Field(
        description="accepted, held or refused, by the newest look. Null: registered without a sign-up, and not looked "
        "at yet."
    )
    created_at: datetime


class CreatorsAsked(Page):
    handle: Annotated[Text, Field(max_length=200)] | None = Field(
        None, description="Only the creator who has, or had, this handle in the app."
    )


class CreatorPage(Given):
    items: list[CreatorShown]
    next: str | None


class StatusAsked(Asked):
    model_config = example(status="suspended", reason="Links in spam, ticket 5120")

    status: Literal["active", "suspended", "closed"]
    reason: Annotated[Text, Field(max_length=500)] = ""
    starts_at: Moment | None = Field(None, description="From now on; never in the past. Default: now.")


class StudioLinkAsked(Asked):
    model_config = example(to="/studio/earnings")

    to: Annotated[Text, Field(max_length=500, pattern=r"^/studio([/?]|$)")] = Field(
        "", description="The studio's page to open, like /studio/earnings. Default: its first page."
    )


class StudioLinkShown(Given):
    url: str = Field(description="Opens once. Its holder is that creator: hand it to nobody else.")
    expires_at: datetime


class ContentAsked(Asked):
    model_config = example(
        network="youtube", content_ref="vid-4711", kind="video", title="Autumn corner",
        url="https://www.youtube.com/watch?v=aBcDeFgHiJk",
    )  # fmt: skip

    network: Annotated[Text, Field(min_length=1, max_length=40)] = Field(
        description="Where it is to be seen, by the word that signing up takes: app, tiktok, instagram …"
    )
    content_ref: Annotated[Text, Field(min_length=1, max_length=200)] = Field(
        description="The app's own id of the video, the post or the live session."
    )
    kind: Literal["video", "post", "live"]
    title: Annotated[Text, Field(max_length=500)] = ""
    url: Annotated[Text, Field(max_length=4000)] | None = Field(
        None,
        description="Where anybody can see it: https, at the network's own host, up to 2000 characters, without a "
        "user, a password or a token. Shops and support follow it before they judge the content. Left out: as it was; "
        "empty: taken away.",
    )


class ContentShown(Given):
    id: str
    creator_id: str
    network: str
    content_ref: str
    kind: str
    title: str
    url: str | None = Field(description="Where anybody can see it; null: not told.")
    url_told_at: datetime | None = Field(description="When the address was told that stands, or taken away.")
    created_at: datetime

    @field_validator("url", mode="before")
    @classmethod
    def _none_told(cls, url: str | None) -> str | None:
        return url or None


class ContentPage(Given):
    items: list[ContentShown]
    next: str | None


# --- codes --------------------------------------------------------------------------------------------------------


class CodeAsked(Asked):
    model_config = example(shop_id="shp_01j8…", creator_id="crt_01j8…", code="MIRA10")

    shop_id: Ident
    creator_id: Ident
    code: Annotated[Text, Field(min_length=1, max_length=64)] = Field(
        description="As buyers type it; capital letters or small ones are the same."
    )
    starts_at: Moment | None = Field(None, description="From when on it counts. Default: now; never in the past.")


class CodesAsked(Page):
    shop_id: Ident | None = None
    creator_id: Ident | None = Field(None, description="Codes that are or were this creator's.")


class CodeMoveAsked(Asked):
    model_config = example(creator_id="crt_01j9…", why="Mira gave her code to her sister.")

    creator_id: Ident
    why: Annotated[Text, Field(min_length=1, max_length=500)]
    starts_at: Moment | None = None


class CodeEndAsked(Asked):
    model_config = example(why="It stood on a coupon site.")

    why: Annotated[Text, Field(min_length=1, max_length=500)]
    starts_at: Moment | None = None


class CodeShown(Given):
    id: str
    shop_id: str
    code: str
    creator_id: str | None = Field(description="Whose it is now; null: nobody's.")
    state: Literal["active", "leaked", "ended"]
    owned_since: datetime | None
    leaked_since: datetime | None = Field(description="Orders placed after it are not credited by this code.")
    created_at: datetime


class CodePage(Given):
    items: list[CodeShown]
    next: str | None


class LinkAsked(Asked):
    model_config = example(creator_id="crt_01j8…", listing_id="lst_01j8…", content_id="cnt_01j8…")

    creator_id: Ident
    listing_id: Ident
    variant_ref: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Without it the link leads to the first variant that may be bought."
    )
    content_id: Ident | None = None


class LinkShown(Given):
    id: str
    code: str
    url: str
    shop_id: str
    creator_id: str
    content_id: str | None
    listing_id: str
    variant_ref: str | None
    created_at: datetime
    disclosure: dict[str, str] = Field(description="By language, what the creator says beside the link.")


class LinkPage(Given):
    items: list[LinkShown]
    next: str | None


# --- touches --------------------------------------------------------------------------------------------------------


class Tap(Asked):
    """What was tapped: a share link's code, or a listing that a creator shows."""

    link_code: Annotated[Text, Field(min_length=1, max_length=64)] | None = Field(
        None, description="Instead of creator_id and listing_id."
    )
    creator_id: Ident | None = None
    listing_id: Ident | None = None
    variant_ref: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    content_id: Ident | None = None
    kind: Literal["video", "post", "live", "link", "ad", "cart"] | None = Field(
        None,
        description="Default: the content's kind, or link where there is no content. Send ad for a tap on a seller's "
        "ad, and cart when the product is put into the cart after a tap: that isn't a tap, it proves the adding.",
    )
    at: Moment | None = Field(None, description="The tap's time, at most 24 hours back. Default: now.")


class TouchAsked(Tap):
    """A tap inside the app: on a share link's code, or on a listing that a creator shows."""

    model_config = example(creator_id="crt_01j8…", listing_id="lst_01j8…", content_id="cnt_01j8…", buyer="b-77120")

    buyer: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, description="The app's own opaque id of the buyer: kept as a keyed hash only. Never an e-mail address."
    )


class IdempotencyAsked(BaseModel):
    idempotency_key: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, description="A key of your own: a request repeated with it gives the touches made by the first."
    )


class TouchShown(Given):
    id: str
    token: str = Field(description="Rides with the cart to the order.")
    cart_link: str = Field(description="Opens the store's own cart with the token in every carrier.")
    landing_link: str = Field(description="Opens the product's page at the store, with the token in its address.")
    shop_id: str
    creator_id: str
    content_id: str | None
    listing_id: str
    variant_ref: str | None
    kind: str
    at: datetime
    received_at: datetime
    eligible: bool
    flags: list[str]


# --- carts of several stores ----------------------------------------------------------------------------------------


class CartLineAsked(Tap):
    """One product of a cart, with who showed it: a share link's code, or a listing and a creator."""

    quantity: int = Field(1, ge=1, le=999)


class CartAsked(Asked):
    """What a buyer has in the app's cart, of one store or of many."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "buyer": "u-84c1",
                    "lines": [
                        {"listing_id": "lst_candle", "creator_id": "crt_mira", "quantity": 2},
                        {"listing_id": "lst_throw", "creator_id": "crt_tal", "content_id": "cnt_live_9"},
                        {"link_code": "K7QX2M9F4T"},
                    ],
                }
            ]
        },
    )

    lines: list[CartLineAsked] = Field(min_length=1, max_length=50)
    buyer: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, description="The app's own opaque id of the buyer: kept as a keyed hash only. Never an e-mail address."
    )


class CartTouch(Given):
    id: str
    token: str
    creator_id: str
    content_id: str | None
    kind: str
    at: datetime
    flags: list[str]


class CartLineShown(Given):
    line: int = Field(description="Its place in the request, from 0.")
    shop_id: str
    listing_id: str
    variant_ref: str | None
    quantity: int
    touch: CartTouch | None = Field(None, description="The touch of this line; none where it can't be bought now.")
    landing_link: str | None = Field(
        None, description="The product's page at the store, with the token in its address."
    )
    problem: str | None = Field(None, description="Why it can't be bought now, in words for the buyer.")


class CartStore(Given):
    shop_id: str
    name: str
    currency: str
    checkout_link: str | None = Field(
        None, description="Opens this store's cart (or a product's page, where `way` is landing). None: see `problem`."
    )
    way: Literal["permalink", "storefront_cart", "landing"] | None = None
    lines: list[int] = Field(description="The lines that the link brings along.")
    apart: list[int] = Field(
        description="Lines that it can't bring along, since this platform opens no cart from outside: the buyer puts "
        "them in by each one's `landing_link`."
    )
    problem: str | None = Field(None, description="Why there is no link, in words for the buyer.")


class CartShown(Given):
    """One checkout link a store: each store's order is its own."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "stores": [
                        {
                            "shop_id": "shp_harbour", "name": "Harbour & Pine", "currency": "EUR",
                            "checkout_link": "https://harbour.example/cart/41:2,57:1?connector_touch=t1…",
                            "way": "permalink", "lines": [0, 1], "apart": [], "problem": None,
                        },
                        {
                            "shop_id": "shp_kita", "name": "Kita", "currency": "JPY", "checkout_link": None,
                            "way": None,
                            "lines": [], "apart": [], "problem": "It is sold out.",
                        },
                    ],
                    "lines": [
                        {
                            "line": 2, "shop_id": "shp_kita", "listing_id": "lst_bowl", "variant_ref": None,
                            "quantity": 1, "touch": None, "landing_link": None, "problem": "It is sold out.",
                        }
                    ],
                }
            ]
        },
    )  # fmt: skip

    stores: list[CartStore]
    lines: list[CartLineShown]


# --- shops, orders, money -------------------------------------------------------------------------------------------


class ShopShown(Given):
    id: str
    platform: str
    domain: str
    name: str
    currency: str
    time_zone: str
    status: str
    status_reason: str
    installed_at: datetime
    left_at: datetime | None


class ShopWhole(ShopShown):
    listings: dict[str, int] = Field(description="Number of listings by status.")
    not_shoppable: dict[str, int] = Field(description="Number of listings by the reason why they can't be bought.")
    orders: int
    deliveries: dict[str, int] = Field(description="Number of deliveries by status.")


class ShopList(PagedList):
    items: list[ShopShown]


class RunShown(Given):
    id: str
    kind: str
    trigger: str
    status: str
    problem: str
    expected: int | None
    lines_read: int
    products_in: int
    variants_in: int
    written: int
    same: int
    refused: int
    gone: int
    queued_at: datetime
    started_at: datetime | None
    heard_at: datetime | None
    finished_at: datetime | None
    refusals: dict[str, int] = Field(description="Number of refused items by reason.")


class RunList(PagedList):
    items: list[RunShown]


class ReconciliationShown(Given):
    id: str
    since: datetime
    started_at: datetime
    finished_at: datetime | None
    status: str
    problem: str
    at_store: int
    seen_before: int
    fetched: int
    evaluated: int
    missing: list[Any]
    gaps: list[Any]
    look: str = Field(description="hour, day, week, or asked by a command.")
    reread: int = Field(description="Orders read again though the store's list named no change.")
    unheard: list[Any] = Field(description="Numbers of those that had changed all the same.")


class ReconciliationList(PagedList):
    items: list[ReconciliationShown]


class ProofShown(Given):
    """A shop's day: orders placed at the store = seen = evaluated."""

    day: str = Field(description="In the shop's own zone, like 2026-11-20.")
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    status: str = Field(description="proved, gaps, or failed: the store could not be asked, `problem` says why.")
    problem: str
    tried_at: datetime
    proved_at: datetime | None = Field(description="When it held for the first time.")
    at_store: int
    seen: int
    evaluated: int
    fetched: int = Field(description="Orders that a proof of this day brought in.")
    store_ids_hash: str
    our_ids_hash: str
    store_versions_hash: str
    our_versions_hash: str
    gaps: list[Any] = Field(description="Each order on which the sides differ: order, order_ref, what, why.")


class ProofList(PagedList):
    items: list[ProofShown]
    good_at: datetime | None = Field(description="When the newest comparison without gaps began.")
    stuck: bool = Field(description="Connected, and no comparison succeeded for three hours.")
    last_problem: str
    waiting_to_clear: int = Field(description="Orders whose commission waits until their store was asked, to 1,000.")


class DeliveriesShown(Given):
    """What came from the store, counted."""

    received: int = Field(description="Kept deliveries; each counts once however often it came.")
    repeats: int = Field(description="How often one came again.")
    by_status: dict[str, int]
    by_topic: dict[str, int]
    by_reason: dict[str, int] = Field(description="Parked, failed and ignored ones by reason.")


class OrderHead(Given):
    id: str
    order_ref: str
    number: str
    currency: str
    payment_status: str
    placed_at: datetime
    changed_at: datetime
    first_seen_at: datetime
    evaluated: bool = Field(description="The newest known version was evaluated.")


class OrderPage(Given):
    items: list[OrderHead]
    next: str | None


class TraceAsked(Asked):
    audience: Literal["support", "merchant", "creator"] = Field(
        "support", description="In whose words, and what they may see. A creator reads nothing of buyer or rivals."
    )
    creator_id: Ident | None = Field(None, description="Which creator reads; needed with audience=creator.")


class TraceShown(Given):
    """All that is known of an order: what was heard, who was credited and why, how the base was built, the entries."""

    model_config = ConfigDict(from_attributes=True, extra="allow")


class BalanceShown(Given):
    """What one shop owes one creator in one currency. Shops never net, currencies neither."""

    shop_id: str
    creator_id: str
    handle: str
    currency: str
    pending: Money
    cleared: Money
    settled: Money
    reserve: Money
    in_transit: Money
    paid: Money
    owed: Money = Field(description="Everything not handed to a rail yet.")


class CreatorAccount(Given):
    """A creator's account in one currency, over all shops. A sum to show: each shop settles by itself."""

    currency: str
    shops: int = Field(description="How many shops it comes from.")
    pending: Money
    cleared: Money
    settled: Money
    reserve: Money
    in_transit: Money
    paid: Money
    owed: Money = Field(description="Everything not handed to a rail yet.")


class ContentEarned(Given):
    shop_id: str
    content_id: str | None
    network: str | None
    content_ref: str | None
    title: str | None
    kind: str | None = Field(
        None, description="Of what is owed beside orders and content: bonus, flat_fee, reimbursement, opening."
    )
    earned: Money = Field(description="Commission less reversals, and what is owed for it beside orders.")


class EarningsShown(PagedList):
    account: list[CreatorAccount] = Field(description="One balance a currency, over all shops.")
    items: list[BalanceShown] = Field(description="The same by shop.")
    by_content: list[ContentEarned]


class BalanceList(PagedList):
    items: list[BalanceShown]


class EarningsAsked(LongPage):
    shop_id: Ident | None = None


class AccountShown(Given):
    shop_id: str
    currency: str
    account: str
    amount: int = Field(description="Minor units with the ledger's own sign: debit positive, credit negative.")


class AccountList(PagedList):
    """Over all accounts of a shop and a currency the amounts sum to zero."""

    items: list[AccountShown]


class StatementsAsked(Page):
    shop_id: Ident | None = None
    creator_id: Ident | None = None


class StatementShown(Given):
    id: str
    shop_id: str
    creator_id: str
    period: str
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime
    total: Money
    carried: Money = Field(description="Settled and unpaid before it, opening balances left out.")
    corrections: Money = Field(description="The part of `total` that corrects earlier statements.")
    opening: Money
    reserved: Money = Field(description="Kept back of `total`.")
    released: Money = Field(description="Let go from reserves of earlier statements.")
    payable: Money = Field(description="The creator's settled balance after it; below zero: carried forward.")


class StatementPage(Given):
    items: list[StatementShown]
    next: str | None


class StatementLineShown(Given):
    kind: str = Field(description="commission, bonus, flat_fee or reimbursement.")
    correction: bool = Field(description="An earlier statement had this line already.")
    order_id: str
    line_ref: str
    content_id: str | None
    amount: Money


class StatementWhole(StatementShown):
    lines: list[StatementLineShown]


class BatchShown(Given):
    id: str
    key: str
    rail: str
    status: str = Field(description="awaiting (a second person), prepared, sent, paid, finished, refused.")
    rows: int
    total: Money
    file_name: str
    prepared_at: datetime
    handed_at: datetime | None = Field(description="To its rail, the first time.")
    sent_at: datetime | None
    paid_at: datetime | None


class BatchPage(Given):
    items: list[BatchShown]
    next: str | None


class PayoutShown(Given):
    id: str
    batch_id: str
    shop_id: str
    creator_id: str
    amount: Money = Field(description="What it takes off the creator's settled balance.")
    leaves: Money = Field(description="What is transferred: another currency where the creator asked for one.")
    rate: str | None = Field(description="Of the conversion, in whole units; null: none.")
    rate_source: str | None
    rate_at: datetime | None
    status: str = Field(description="prepared, sent, paid, failed, returned, unknown, refused.")
    reason: str | None = Field(description="A code: why it failed, came back or isn't known.")
    created_at: datetime
    paid_at: datetime | None


class SetAsideShown(Given):
    shop_id: str | None
    creator_id: str
    amount: Money
    missing: Money
    reason: str
    until: datetime | None = Field(description="When what it waits for is over by itself.")


class BatchWhole(BatchShown):
    payouts: list[PayoutShown]
    set_aside: list[SetAsideShown]


class PayoutList(PagedList):
    items: list[PayoutShown]
