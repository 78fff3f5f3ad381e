"""Creators who work with the shop: a list that is narrowed by its address, and a page of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import g, request, url_for
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.dashboard import partners, sales
from connector.faces.dashboard.face import blueprint
from connector.faces.dashboard.partners import SHOW, Filter
from connector.insight.reports import asked as asking
from connector.insight.reports import table
from connector.insight.reports.asked import Asked
from connector.insight.reports.table import Row
from connector.programme.collaborations import agreements, messages
from connector.programme.collaborations.tables import Negotiation, PromotionRow
from connector.programme.content.tables import Anchor, Content
from connector.programme.creators import countries, followers, networks, payees, profiles
from connector.programme.creators.tables import Creator, CreatorFollowers, CreatorHandle
from connector.programme.samples import queries as samples
from connector.web import keyset, moments, offer_forms, rate_words, sample_words
from connector.web.guards import merchant
from connector.web.layout import page

SPANS = {7: "7 days", 30: "30 days", 90: "90 days"}
USUAL = 30
PER_PAGE = 25
_FIELDS = ("show", "q", "least", "network", "country", "days")
_LABELS = {"q": "Search", "least": "Followers from", "network": "Network", "country": "Country"}


@blueprint.get("/creators")
@merchant
def creators() -> str:
    """Who promotes or sold, the newest in the app first; sales are of the time that the address names."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    typed = {name: request.args.get(name, "").strip()[:100] for name in _FIELDS}
    days, asked = _days(), _filter(typed)
    now = clock.now()
    with db.read(Scope.shop(shop.id)) as session:
        listing = f"creators:{shop.id}:{asked.show}"
        found = keyset.read(session, listing, partners.matching(shop.id, asked, now), (Creator.id,), per_page=PER_PAGE)
        rows = partners.laid(session, shop.id, found.rows, _time(shop, days))
        usual = partners.open_rate(session, shop.id)
    currencies = {currency for row in rows for currency in row.money}
    return page(
        "dashboard/creators.html", shop=shop, found=found, rows=rows, usual=usual, days=days, asked=asked,
        tabs=[(word, _at(typed, show=key if key != "all" else ""), None, key == asked.show)
              for key, word in SHOW.items()],
        spans=[(word, _at(typed, days="" if each == USUAL else str(each)), None, each == days)
               for each, word in SPANS.items()],
        chips_shown=_chips(asked, typed), typed=typed, networks=partners.choices(), words=rate_words,
        style="code" if len(currencies) > 1 else "symbol", score_words=sample_words.short_score,
        clear=_at({"show": typed["show"], "days": typed["days"]}), countries=payees.countries(),
    )  # fmt: skip


def _days() -> int:
    text = request.args.get("days", "").strip()
    if not text:
        return USUAL
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) in SPANS):
        raise InputRefused("days", "isn't one of the list.", f"Use {', '.join(str(each) for each in SPANS)}.")
    return int(text)


def _filter(typed: dict[str, str]) -> Filter:
    """Errors: InputRefused for what is no number, no network or no country."""
    least = typed["least"].replace(",", "").replace(" ", "")
    if least and not (least.isascii() and least.isdigit() and len(least) < 12):
        raise InputRefused("least", "is no number of followers.", "Write digits alone, like 5000.")
    return Filter(
        show=typed["show"] if typed["show"] in SHOW else "all", text=typed["q"], least=int(least or 0),
        network=networks.checked(typed["network"]) if typed["network"] else "",
        country=countries.checked(typed["country"]) if typed["country"] else "",
    )  # fmt: skip


def _time(shop: Shop, days: int) -> Asked:
    return asking.of_month(sales.of_shop(shop), clock.now(), days)


def _at(typed: dict[str, str], **changes: str) -> str:
    values: dict[str, Any] = {**typed, **changes}
    return url_for(".creators", **{name: value for name, value in values.items() if value})


def _chips(asked: Filter, typed: dict[str, str]) -> list[tuple[str, str, str]]:
    shown = {
        "q": asked.text, "least": f"{asked.least:,}" if asked.least else "",
        "network": networks.title(asked.network) if asked.network else "",
        "country": payees.countries().get(asked.country, ""),
    }  # fmt: skip
    return [(_LABELS[name], said, _at(typed, **{name: ""})) for name, said in shown.items() if said]


# One creator ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """A creator's handle on a network, with how many follow it there and since when that was told."""

    network: str
    handle: str
    url: str
    followers: CreatorFollowers | None


@blueprint.get("/creators/<creator_id>")
@merchant
def creator(creator_id: str) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    days, now = _days(), clock.now()
    with db.read(Scope.shop(shop.id)) as session:
        row = partners.known(session, shop.id, creator_id)
        (mine,) = partners.laid(session, shop.id, [row], _time(shop, days))
        audience = profiles.audience(session, row.id, now)
        threads = _threads(session, shop.id, row.id)
        shown: dict[str, Any] = {
            "accounts": accounts(session, row.id),
            "facts_of": audience.facts if audience is not None else {},
            "threads": threads,
            "agreed": {each.id: agreements.newest(session, each.id) for each in threads if each.agreed},
            "usual": partners.open_rate(session, shop.id),
            **_on_products(session, shop, row.id, days),
        }
        shown["promoted"] = _promoted(session, shop.id, row.id)
        shown["sampled"] = samples.of_shop(session, shop.id, creator_id=row.id, limit=10)
        refs = {each.product_ref for each in shown["sampled"] if each.product_ref}
        shown["titles"] = catalog.titles(session, shop.id, refs)
    return page(
        "dashboard/creator.html", shop=shop, creator=row, mine=mine, days=days, usual_days=USUAL, words=rate_words,
        state=lambda thread: offer_forms.badge_of(thread, "merchant"), country=payees.countries().get(mine.country, ""),
        unread=lambda thread: messages.unread(thread, "merchant"), countries=payees.countries(),
        spans=[(word, url_for(".creator", creator_id=row.id, days=None if each == USUAL else each), None, each == days)
               for each, word in SPANS.items()],
        style="code" if len(mine.money) > 1 else "symbol", score_words=sample_words.score, **shown,
    )  # fmt: skip


def accounts(session: Session, creator_id: str) -> list[Account]:
    """Handles that count now, the app's first."""
    rows = [row for row in profiles.handles(session, creator_id) if row.ends_at is None]
    rows.sort(key=lambda row: (row.network != networks.APP, networks.title(row.network)))
    return [_account(session, row) for row in rows]


def _account(session: Session, row: CreatorHandle) -> Account:
    counted = followers.at(session, row.creator_id, clock.now(), network=row.network)
    return Account(networks.title(row.network), row.handle, networks.address(row.network, row.handle), counted)


def _threads(session: Session, shop_id: str, creator_id: str) -> Sequence[Negotiation]:
    asked = sa.select(Negotiation).where(Negotiation.shop_id == shop_id, Negotiation.creator_id == creator_id)
    return session.scalars(asked.order_by(Negotiation.moved_at.desc(), Negotiation.id.desc()).limit(20)).all()


def _promoted(session: Session, shop_id: str, creator_id: str) -> list[tuple[PromotionRow, str, str]]:
    """What of the shop the creator promotes now, the newest first: (since when, product, title)."""
    rows = session.scalars(
        sa.select(PromotionRow)
        .where(
            PromotionRow.creator_id == creator_id, PromotionRow.shop_id == shop_id, PromotionRow.ends_at.is_(None)
        )
        .order_by(PromotionRow.starts_at.desc(), PromotionRow.id.desc())
        .limit(20)
    ).all()  # fmt: skip
    titles = catalog.titles(session, shop_id, {row.product_ref for row in rows})
    return [(row, row.product_ref, titles.get(row.product_ref) or row.product_ref) for row in rows]


def _on_products(session: Session, shop: Shop, creator_id: str, days: int) -> dict[str, Any]:
    """A page of the creator's content that holds, or held, products of the shop, each with what it brought."""
    theirs = sa.select(Content).where(
        Content.creator_id == creator_id,
        sa.exists().where(Anchor.content_id == Content.id, Anchor.shop_id == shop.id),
    )
    found = keyset.read(session, f"creator-content:{shop.id}:{creator_id}", theirs, (Content.id,), per_page=PER_PAGE)
    asked = asking.narrowed(session, _time(shop, days), creator=creator_id)
    report = table.read(session, asked, "content", with_buyers=True)
    rows: list[Row] = [report.row(each.id) for each in found.rows]
    table.name(session, report, rows)
    return {
        "contents": list(zip(found.rows, rows, strict=True)), "pages": found, "whole": report.whole,
        "holds": _holds(session, shop.id, [each.id for each in found.rows]),
    }  # fmt: skip


def _holds(session: Session, shop_id: str, content_ids: Sequence[str]) -> dict[str, int]:
    """Content → how many products of the shop are in it now."""
    now = clock.now()
    rows = session.execute(
        sa.select(Anchor.content_id, sa.func.count())
        .where(
            Anchor.content_id.in_(content_ids), Anchor.shop_id == shop_id, Anchor.starts_at <= now,
            sa.or_(Anchor.ends_at.is_(None), Anchor.ends_at > now),
        )
        .group_by(Anchor.content_id)
    )  # fmt: skip
    return {content_id: int(number) for content_id, number in rows}
