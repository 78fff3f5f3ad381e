"""One box that finds anything: what a person copied from a store's admin, a log, a mail or one of our pages.

Exact first: an id, an order number, a shop's address, a touch token, a link's code. Only where nothing is exact are
names and titles looked through. What is asked is cleaned, never guessed: blanks, quotes, invisible characters and a
mail's full stop go; `gid://shopify/Order/510482`, an address of a store's admin and one of our own pages give their
id and say what kind of thing it is of.

Ids of a platform are looked for shop by shop, since that is how the tables are indexed: some hundred shops are some
hundred looks into an index, and no list is walked through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import links
from connector.earnings.attribution.tables import Link, Touch
from connector.insight.market import search as market
from connector.programme.collaborations.tables import ContentApproval, Negotiation
from connector.programme.content.tables import Content
from connector.programme.creators.tables import Creator
from connector.programme.samples.tables import Sample
from connector.sync.tables import SyncRun
from connector.webhooks.tables import DeliveryRow

Kind = Literal[
    "order", "shop", "delivery", "run", "touch", "link", "creator", "product", "sample", "content_fee", "negotiation"
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "order", "shop", "delivery", "run", "touch", "link", "creator", "product", "sample", "content_fee", "negotiation",
)  # fmt: skip
MOST = 8  # of one kind; a page says when there are more
LONGEST = 400
# The platform's id of a delivery has no index (each costs every receipt): only a time that people ask about is read.
_HEARD_WITHIN = timedelta(days=14)

# What is invisible and rides along when something is copied: zero-width characters, direction marks, a BOM.
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_AROUND = " \t\r\n\u00a0\"'“”‘’«»`<>()[]{},;"
_GID = re.compile(r"gid://[a-z0-9-]+/([A-Za-z]+)/([^?/\s]+)", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_OURS = re.compile(r"(shp|ord|dlv|run|tch|lnk|crt|lst|var|smp|cap|neg)_[0-9a-z]+", re.IGNORECASE)
_TOKEN = re.compile(r"t1[0-9a-z]{16}[A-Za-z0-9_-]{16}", re.ASCII)
# A word in a GID or an address → the kind that it is of.
_NAMED: dict[str, Kind] = {
    "order": "order", "orders": "order", "draftorder": "order", "product": "product", "products": "product",
    "productvariant": "product", "variants": "product", "inventoryitem": "product", "shop": "shop", "shops": "shop",
    "inbox": "delivery", "runs": "run", "creators": "creator", "touches": "touch", "links": "link", "go": "link",
    "samples": "sample", "negotiations": "negotiation",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, as it is looked for. `only` where it says itself what it is of."""

    text: str
    only: Kind | None = None
    shop: str = ""  # the shop's address, where the typed address names one

    def may_be(self, kind: Kind) -> bool:
        return self.only is None or self.only == kind


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found. `id` is ours; `note` is what tells it from others of its name."""

    kind: Kind
    id: str
    title: str
    note: str = ""
    shop_id: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """`hits` by kind, in the order of `KINDS`; `exact` when an id or a name was met whole."""

    asked: Asked
    hits: dict[Kind, list[Hit]]
    exact: bool
    more: frozenset[Kind] = frozenset()  # kinds that have more than are listed

    @property
    def only(self) -> Hit | None:
        """The one thing that can be meant: a page leads straight there."""
        every = [hit for hits in self.hits.values() for hit in hits]
        return every[0] if len(every) == 1 and not self.more else None


def read(typed: str) -> Asked:
    """Clean what was typed or pasted. The empty text stays empty."""
    text = _INVISIBLE.sub("", typed[:LONGEST]).strip(_AROUND).rstrip(".:!?").strip(_AROUND)
    if found := _GID.search(text):
        return Asked(found[2].strip(), _NAMED.get(found[1].lower()))
    if "://" in text or re.match(r"[\w.-]+\.[a-z]{2,}/", text, re.IGNORECASE):
        return _of_address(text)
    if found := _OURS.fullmatch(text):
        return Asked(text.lower())
    return Asked(text)


def _of_address(text: str) -> Asked:
    """The last id of an address, and what stands before it: `/admin/orders/510482`, `/console/inbox/dlv_…`, `/go/…`."""
    try:
        whole = urlsplit(text if "://" in text else f"https://{text}")
        host = (whole.hostname or "").lower()
    except ValueError:
        return Asked(text)
    parts = [unquote(part) for part in whole.path.split("/") if part]
    if found := _OURS.search(whole.path):
        return Asked(found[0].lower())
    if found := _TOKEN.search(text):
        return Asked(found[0], "touch")
    for before, part in zip(reversed(parts[:-1]), reversed(parts[1:]), strict=True):
        kind = _NAMED.get(before.lower())
        if kind is not None:
            # admin.shopify.com/store/<name>/orders/<id> names the shop in its path.
            name = parts[parts.index("store") + 1] if "store" in parts[:-2] else ""
            return Asked(part, kind, name if host.startswith("admin.") else host)
    return Asked(host, "shop")


def search(session: Session, typed: str) -> Found:
    """Everything that `typed` may mean: exact finds alone where there are any, else what its words are found in."""
    asked = read(typed)
    if not asked.text:
        return Found(asked, {}, exact=False)
    hits = _gathered(_EXACT, session, asked)
    if hits:
        return _found(asked, hits, exact=True)
    return _found(asked, _gathered(_ALIKE, session, asked), exact=False)


_Look = Callable[[Session, Asked], Iterator[Hit]]


def _gathered(looks: Sequence[tuple[Kind, _Look]], session: Session, asked: Asked) -> dict[Kind, list[Hit]]:
    found: dict[Kind, dict[str, Hit]] = {}
    for kind, look in looks:
        if asked.may_be(kind):
            for hit in look(session, asked):
                found.setdefault(kind, {}).setdefault(hit.id, hit)
    return {kind: list(found[kind].values()) for kind in KINDS if found.get(kind)}


def _found(asked: Asked, hits: dict[Kind, list[Hit]], *, exact: bool) -> Found:
    more = frozenset(kind for kind, listed in hits.items() if len(listed) > MOST)
    return Found(asked, {kind: listed[:MOST] for kind, listed in hits.items()}, exact, more)


def numbers(text: str) -> set[str]:
    """An order's number with and without its `#`, as stores write it."""
    bare = text.lstrip("#").strip()
    return {text, bare, f"#{bare}"}


def _shops(session: Session, asked: Asked) -> sa.Select[str]:
    """The shops to look in: all, or the one that an address named."""
    every = sa.select(Shop.id)
    if asked.shop:
        named = every.where(
            sa.or_(Shop.domain == asked.shop, Shop.domain.startswith(f"{asked.shop}.", autoescape=True))
        )
        if session.scalar(named.limit(1)) is not None:
            return named
    return every


# ------------------------------------------------------------------ exact


def _orders(session: Session, asked: Asked) -> Iterator[Hit]:
    text = asked.text
    if text.startswith("ord_"):
        wanted = sa.select(Order).where(Order.id == text)
    else:
        wanted = sa.select(Order).where(
            Order.shop_id.in_(_shops(session, asked)),
            sa.or_(Order.order_ref == text, Order.number.in_(numbers(text))),
        )
    # An id names one order, whatever the numbers of others are.
    rows = session.scalars(wanted.order_by(Order.placed_at.desc()).limit(MOST + 1)).all()
    by_id = [row for row in rows if text in (row.id, row.order_ref)]
    for row in by_id or rows:
        yield Hit("order", row.id, row.number, f"{row.placed_at:%Y-%m-%d}", row.shop_id)


def _exact_shops(session: Session, asked: Asked) -> Iterator[Hit]:
    text = asked.text.lower().removeprefix("www.")
    named = sa.or_(Shop.id == text, Shop.domain == text, Shop.shop_ref == text, sa.func.lower(Shop.name) == text)
    if "." not in text:
        named = sa.or_(named, Shop.domain.startswith(f"{text}.", autoescape=True))
    yield from _as_shops(session, sa.select(Shop).where(named))


def _deliveries(session: Session, asked: Asked) -> Iterator[Hit]:
    text = asked.text
    if text.startswith("dlv_"):
        wanted = sa.select(DeliveryRow).where(DeliveryRow.id == text)
    elif _UUID.fullmatch(text):
        wanted = sa.select(DeliveryRow).where(
            DeliveryRow.received_at >= clock.wall() - _HEARD_WITHIN,
            sa.or_(*(column.in_({text, text.lower()}) for column in (DeliveryRow.delivery_ref, DeliveryRow.event_ref))),
        )
    else:
        return
    for row in session.scalars(wanted.order_by(DeliveryRow.id.desc()).limit(MOST + 1)):
        yield Hit("delivery", row.id, row.topic, row.status, row.shop_id)


def _runs(session: Session, asked: Asked) -> Iterator[Hit]:
    if asked.text.startswith("run_") and (row := session.get(SyncRun, asked.text)) is not None:
        yield Hit("run", row.id, f"{row.kind.capitalize()} sync", row.status, row.shop_id)


def _touches(session: Session, asked: Asked) -> Iterator[Hit]:
    text = asked.text
    if text.startswith("tch_"):
        row = session.get(Touch, text)
    elif _TOKEN.fullmatch(text):
        row = session.scalar(sa.select(Touch).where(Touch.token == text))
    else:
        return
    if row is not None:
        yield Hit("touch", row.id, f"Tap ({row.kind})", f"{row.at:%Y-%m-%d %H:%M} UTC", row.shop_id)


def _links(session: Session, asked: Asked) -> Iterator[Hit]:
    text = asked.text
    if text.startswith("lnk_"):
        row = session.get(Link, text)
    elif len(text) > 2 * links.CODE_LENGTH:
        return
    else:
        # Read as `/go` reads it: a lost last character or a capital letter still leads to the link.
        row = links.by_code(session, text)
    if row is not None:
        yield Hit("link", row.id, row.code, "", row.shop_id)


def _exact_creators(session: Session, asked: Asked) -> Iterator[Hit]:
    text = asked.text.lstrip("@")
    named = sa.or_(Creator.id == text, Creator.handle == text.lower(), sa.func.lower(Creator.name) == text.lower())
    yield from _as_creators(session, sa.select(Creator).where(named))


def _samples(session: Session, asked: Asked) -> Iterator[Hit]:
    if asked.text.startswith("smp_") and (row := session.get(Sample, asked.text)) is not None:
        titles = catalog.titles(session, row.shop_id, [row.product_ref] if row.product_ref else [])
        yield Hit("sample", row.id, titles.get(row.product_ref) or "Sample", row.state, row.shop_id)


def _negotiations(session: Session, asked: Asked) -> Iterator[Hit]:
    if asked.text.startswith("neg_") and (row := session.get(Negotiation, asked.text)) is not None:
        creator = session.get_one(Creator, row.creator_id)
        yield Hit("negotiation", row.id, f"Offers with @{creator.handle}", row.state, row.shop_id)


def _content_fees(session: Session, asked: Asked) -> Iterator[Hit]:
    if asked.text.startswith("cap_") and (row := session.get(ContentApproval, asked.text)) is not None:
        content = session.get_one(Content, row.content_id)
        yield Hit("content_fee", row.id, content.title or content.content_ref, row.state, row.shop_id)


def _exact_products(session: Session, asked: Asked) -> Iterator[Hit]:
    text = asked.text
    if text.startswith("lst_"):
        yield from _as_products(session.scalars(sa.select(Listing).where(Listing.id == text)).all())
        return
    if text.startswith("var_"):
        variants = sa.select(VariantRow.shop_id, VariantRow.product_ref).where(VariantRow.id == text)
    elif text.isascii() and text.isdigit():
        shops = _shops(session, asked)
        own = sa.select(Listing).where(Listing.shop_id.in_(shops), Listing.product_ref == text)
        yield from _as_products(session.scalars(own.limit(MOST + 1)).all())
        variants = sa.select(VariantRow.shop_id, VariantRow.product_ref).where(
            VariantRow.shop_id.in_(shops), VariantRow.variant_ref == text
        )
    else:
        return
    for shop_id, product_ref in session.execute(variants.limit(MOST + 1)):
        found = catalog.by_ref(session, shop_id, product_ref)
        yield from _as_products([found] if found is not None else [])


# ------------------------------------------------------------------ alike


def _alike_shops(session: Session, asked: Asked) -> Iterator[Hit]:
    like = _pattern(asked.text)
    named = sa.or_(sa.func.lower(Shop.name).like(like, escape="\\"), Shop.domain.like(like, escape="\\"))
    yield from _as_shops(session, sa.select(Shop).where(named))


def _alike_creators(session: Session, asked: Asked) -> Iterator[Hit]:
    like = _pattern(asked.text.lstrip("@"))
    named = sa.or_(Creator.handle.like(like, escape="\\"), sa.func.lower(Creator.name).like(like, escape="\\"))
    yield from _as_creators(session, sa.select(Creator).where(named))


def _alike_products(session: Session, asked: Asked) -> Iterator[Hit]:
    if len(asked.text) >= 3:
        yield from _as_products(market.search(session, market.Asked(text=asked.text), limit=MOST + 1).listings)


def _pattern(text: str) -> str:
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _as_shops(session: Session, wanted: sa.Select[Shop]) -> Iterator[Hit]:
    for row in session.scalars(wanted.order_by(sa.func.lower(Shop.name), Shop.id).limit(MOST + 1)):
        yield Hit("shop", row.id, row.name or row.domain, row.domain, row.id)


def _as_creators(session: Session, wanted: sa.Select[Creator]) -> Iterator[Hit]:
    for row in session.scalars(wanted.order_by(Creator.handle).limit(MOST + 1)):
        yield Hit("creator", row.id, row.name, f"@{row.handle}")


def _as_products(rows: Sequence[Listing]) -> Iterator[Hit]:
    for row in rows:
        yield Hit("product", row.id, row.title, row.status, row.shop_id)


_EXACT: tuple[tuple[Kind, Any], ...] = (
    ("order", _orders), ("shop", _exact_shops), ("delivery", _deliveries), ("run", _runs), ("touch", _touches),
    ("link", _links), ("creator", _exact_creators), ("product", _exact_products),
    ("sample", _samples),
    ("content_fee", _content_fees),
    ("negotiation", _negotiations),
)  # fmt: skip
_ALIKE: tuple[tuple[Kind, Any], ...] = (
    ("shop", _alike_shops), ("creator", _alike_creators), ("product", _alike_products),
)  # fmt: skip
