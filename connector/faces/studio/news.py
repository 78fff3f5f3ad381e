"""What a creator was told of, newest first, and how much of it is new to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import g
from flask import request as asked
from sqlalchemy.orm import Session

from connector import notices
from connector.access import studio
from connector.commerce.catalog.ids import listing_id
from connector.faces.studio.face import address_of, blueprint, reading, writing
from connector.insight.reports import table
from connector.notices import Notice
from connector.operations.telling import catalogue
from connector.programme.samples.tables import Sample
from connector.web import amounts, cursors, moments, rate_words, words
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.words.news import NEWS, News

SHOWN = 25
MOST_COUNTED = 100
_LIST = "studio-news"
# Messages have their threads, and offers their list: said there, with their own counts.
APART = ("message.received", "offer.made")
# What a sample is moved to by its creator alone.
_OWN = ("requested", "withdrawn", "appealed")
# Kind, or its beginning → the page that it is about: an endpoint, and which of the notice's ids its address takes.
_ABOUT: tuple[tuple[str, str, str], ...] = (
    ("creator.status", "account", ""), ("creator.", "profile", ""), ("offer.", "offer_page", "negotiation_id"),
    ("collaboration.", "offer_page", "negotiation_id"),
    ("content.", "offer_page", "negotiation_id"), ("sample.", "sample", "sample_id"),
    ("violation.", "rules", ""), ("payout.", "payee", ""), ("payee.", "payee", ""),
    ("statement.", "statement", "statement_id"), ("freeze.", "freezes", ""), ("terms.", "rates", ""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of news, ready to be shown."""

    at: datetime
    news: News
    said: str
    url: str  # "" where it is about no page of the studio
    fresh: bool


@blueprint.get("/news", endpoint="news")
@creator
def news_page() -> str:
    given = asked.args.get("older", "")
    before = str(cursors.unpack(_LIST, given)[0]) if given else ""
    with reading() as session:
        read = studio.news_read(session, g.creator_id)
        rows = notices.of_creator(session, g.creator_id, but=APART, before=before, limit=SHOWN + 1)
        items = told(session, rows[:SHOWN], read)
    if rows and not before and rows[0].id > read:
        with writing() as session:
            studio.read_news(session, g.creator_id, rows[0].id)
    older = cursors.pack(_LIST, [rows[SHOWN - 1].id]) if len(rows) > SHOWN else ""
    return page("studio/news.html", items=items, older=older, first=not before, kept=notices.KEPT.days)


def unread(session: Session, creator_id: str) -> int:
    """How much is new to them; counted up to a bound."""
    read = studio.news_read(session, creator_id)
    rows = notices.of_creator(session, creator_id, but=APART, after=read, limit=MOST_COUNTED)
    return sum(_is_theirs(row) for row in rows)


def newest(session: Session, creator_id: str, limit: int) -> list[Item]:
    # Some of what was written is no news to them.
    rows = notices.of_creator(session, creator_id, but=APART, limit=4 * limit)
    return told(session, rows, studio.news_read(session, creator_id))[:limit]


def told(session: Session, rows: Sequence[Notice], read: str) -> list[Item]:
    """Each as a sentence, with the page that it is about."""
    mine = [row for row in rows if _is_theirs(row)]
    shops = table.names(session, "shop", {row.shop_id for row in mine if row.shop_id})
    products = _products(session, {str(row.detail["sample_id"]) for row in mine if "sample_id" in row.detail})
    found = []
    for row in mine:
        kind = catalogue.said_as(row.kind)
        known = catalogue.KINDS.get(kind)
        news = NEWS.get(kind) or News("info", known.when.rstrip(".") if known else kind.replace(".", " ").capitalize())
        facts = slots(row.detail, shops.get(row.shop_id or "", "A shop"))
        said = news.said({**facts, "product": products.get(str(row.detail.get("sample_id")), "")})
        found.append(Item(row.at, news, said, _url(kind, row.detail), row.id > read))
    return found


def slots(detail: Mapping[str, Any], shop: str) -> dict[str, str]:
    """A notice's facts as people read them: days for moments, amounts with their currency, words for codes."""
    found = {"shop": shop}
    for name, value in detail.items():
        if name in ("pilot_until", "expires_at", "ends_at", "appeal_until", "falls_at", "in_force_at"):
            found[name] = moments.day(datetime.fromisoformat(value)) if value else ""
        elif name == "rate_bp":
            found["rate"] = rate_words.short(value)
        elif name == "amount":
            currency = detail.get("currency")
            found[name] = amounts.plain(int(value), str(currency)) if currency else ""
        elif name in ("reason", "how") and value:
            found["why" if name == "reason" else name] = f"{words.reason(str(value), 'creator')}."
        elif name == "why" and value:
            found[name] = str(value).rstrip(".") + "."
        elif name == "answer" and "approval_id" in detail:
            found[name] = words.lowered(words.status("content_approval", str(value)).word)
        elif name == "status" and "sample_id" in detail:
            found[name] = words.lowered(words.status("sample", str(value)).word)
        elif isinstance(value, int) and not isinstance(value, bool):
            found[name] = amounts.count(value)
        elif isinstance(value, str):
            found[name] = value.replace("_", " ") if name == "answer" else value
    return found


def _products(session: Session, sample_ids: set[str]) -> dict[str, str]:
    """Sample → what its product is called."""
    if not sample_ids:
        return {}
    rows = session.execute(
        sa.select(Sample.id, Sample.shop_id, Sample.product_ref).where(Sample.id.in_(sample_ids))
    ).all()
    ids = {row.id: listing_id(row.shop_id, row.product_ref) for row in rows if row.product_ref}
    titles = table.names(session, "product", ids.values())
    return {sample_id: titles[product] for sample_id, product in ids.items() if product in titles}


def _is_theirs(row: Notice) -> bool:
    """Is it news to the creator: told to them, and not what they did themselves?"""
    own = row.kind == "sample.moved" and row.detail.get("status") in _OWN
    return row.detail.get("to") in (None, "creator") and not own


def _url(kind: str, detail: Mapping[str, Any]) -> str:
    for begins, endpoint, name in _ABOUT:
        if kind.startswith(begins):
            if not name:
                return address_of(f"studio.{endpoint}")
            return address_of(f"studio.{endpoint}", **{name: detail[name]}) if detail.get(name) else ""
    return ""
