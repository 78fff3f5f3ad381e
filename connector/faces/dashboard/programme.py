"""The merchant opens the shop to creators in three steps, and sees what stands open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import db
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused
from connector.faces.dashboard.face import blueprint
from connector.programme.collaborations import openings
from connector.programme.collaborations.tables import PromotionRow
from connector.programme.creators.tables import Creator
from connector.web import guards, moments, rate_words
from connector.web.guards import merchant
from connector.web.layout import page

SHOWN = 50
WORDS = {"shop": "The whole shop", "category": "Category", "tag": "Tag"}
_EXAMPLE = 5_000  # minor units: a sale by which a rate is explained


@dataclass(slots=True)
class Asked:
    """What the three steps know so far, as it was typed; `errors` by the id of the field."""

    kind: str = ""
    value: str = ""
    rate: str = ""
    automatic: bool = True
    step: int = 1
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return self.kind if self.kind in ("", "shop") else f"{self.kind}:{self.value}"


@blueprint.get("/programme")
@merchant
def programme() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        rows = openings.page(session, shop.id, limit=SHOWN)
        promoting = session.execute(
            sa.select(sa.func.count(PromotionRow.creator_id.distinct()), sa.func.count()).where(
                PromotionRow.shop_id == shop.id, PromotionRow.ends_at.is_(None)
            )
        ).one()
    shown = [(row, openings.state(row)) for row in rows]
    live = [each for each in shown if each[0].closed_at is None]
    return page(
        "dashboard/programme.html", shop=shop, live=live, past=[each for each in shown if each not in live],
        creators=promoting[0], products=promoting[1], kinds=WORDS, words=rate_words,
    )  # fmt: skip


@blueprint.get("/programme/set-up")
@merchant
def set_up_programme() -> str:
    """Step 1 what, step 2 for how much, step 3 look and open. All that was said is in the address."""
    return _step(_asked(request.args))


@blueprint.post("/programme/set-up")
@merchant
def open_programme() -> str | AnyResponse:
    asked = _asked(request.form)
    try:
        rate = rate_words.typed(asked.rate, "rate_bp")
        with db.write(Scope.shop(g.shop.id)) as session:
            row = openings.open_collection(
                session, g.shop.id, asked.kind, asked.value, rate, automatic=asked.automatic, by=guards.actor()
            )
            said = f"{_named(asked)} is open to creators at {rate_words.short(row.rate_bp)}."
    except (InputRefused, Conflict) as refused:
        _put(asked, refused)
        return _step(asked)
    flash(said)
    return redirect(url_for(".programme"), code=303)


@blueprint.post("/programme/<opening_id>/close")
@merchant
def close_opening(opening_id: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        openings.close(session, opening_id, by=guards.actor(), shop_id=g.shop.id)
    flash("It is closed. Taps from before keep their rate.")
    return redirect(url_for(".programme"), code=303)


def _step(asked: Asked) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        inside, joined, rate_bp = 0, 0, None
        if asked.step == 3 and not asked.errors:
            try:
                rate_bp = rate_words.typed(asked.rate, "rate_bp")
                openings.check(session, shop.id, asked.kind, asked.value, rate_bp)
            except (InputRefused, Conflict) as refused:
                _put(asked, refused)
        if asked.step > 1:
            inside = openings.size(session, shop.id, asked.kind, asked.value)
        if asked.step == 3:
            joined = session.scalar(sa.select(sa.func.count()).where(Creator.eligibility == "accepted")) or 0
        found = openings.collections(session, shop.id) if asked.step == 1 else []
        sold = _count(session, shop.id)
    return page(
        "dashboard/programme_set_up.html", shop=shop, asked=asked, found=found, inside=inside, sold=sold, kinds=WORDS,
        named=_named(asked), rate_bp=rate_bp, words=rate_words, example=_EXAMPLE, joined=joined,
    )  # fmt: skip


def _count(session: Session, shop_id: str) -> int:
    return session.scalar(
        sa.select(sa.func.count()).where(Listing.shop_id == shop_id, Listing.status == "shoppable")
    ) or 0  # fmt: skip


def _asked(form: Mapping[str, str]) -> Asked:
    kind, _, value = form.get("what", "").partition(":")
    asked = Asked(kind[:20], value[:200], form.get("rate", "").strip()[:20])
    # An unticked box isn't sent: what is asked of it stands beside it.
    asked.automatic = bool(form.get("automatic")) or "automatic_asked" not in form
    step = form.get("step", "1")
    asked.step = int(step) if step in ("1", "2", "3") else 1
    if asked.step > 1 and asked.kind not in WORDS:
        asked.step = 1
        asked.errors["what"] = "Say what you open to creators."
    return asked


def _named(asked: Asked) -> str:
    if asked.kind in ("", "shop"):
        return "The whole shop"
    return f"{WORDS.get(asked.kind, asked.kind)} {asked.value}"


def _put(asked: Asked, refused: InputRefused | Conflict) -> None:
    """Back to the step that can mend it, beside its field."""
    if isinstance(refused, Conflict):
        asked.errors["what"], asked.step = refused.public, 1
    elif refused.field == "rate_bp":
        asked.errors["rate"], asked.step = "Write a rate from 1 to 80 per cent, like 12.5.", 2
    else:
        asked.errors["what"], asked.step = f"What you chose {refused.problem} {refused.remedy}", 1
