"""The programme in the merchant's hands: set up in three steps that can be left and gone on with, and what stands open.

step=1  what is open for how much: typed, looked at, opened     ?step=1&what=tag:Summer&rate=12.5&look=1
step=2  which offers of creators are accepted by themselves
step=3  whom they invite
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused
from connector.faces.dashboard import rule_forms
from connector.faces.dashboard.face import blueprint
from connector.programme.collaborations import acceptance, openings, rates, set_up
from connector.programme.collaborations.set_up import STEPS, Step
from connector.programme.collaborations.tables import PromotionRow
from connector.programme.creators.tables import Creator
from connector.programme.samples import offers
from connector.web import guards, moments, rate_words
from connector.web.guards import merchant
from connector.web.layout import page

SHOWN = 50
WORDS = {"shop": "The whole shop", "category": "Category", "tag": "Tag"}
TITLES: dict[Step, str] = {
    "open": "What you open, and for which rate", "rules": "What is accepted by itself, and samples",
    "invite": "Whom you invite",
}  # fmt: skip
MANY = 1_000  # more creators than that aren't counted
_EXAMPLE = 5_000  # minor units: a sale by which a rate is explained


@dataclass(slots=True)
class Asked:
    """What is opened, as it was typed; `errors` by the id of the field."""

    kind: str = ""
    value: str = ""
    rate: str = ""
    automatic: bool = True
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return self.kind if self.kind in ("", "shop") else f"{self.kind}:{self.value}"

    @property
    def named(self) -> str:
        return WORDS["shop"] if self.kind in ("", "shop") else f"{WORDS.get(self.kind, self.kind)} {self.value}"

    def typed(self) -> dict[str, Any]:
        """As the form and an address hold it, all of it text."""
        return {
            "what": self.what, "rate": self.rate, "automatic_asked": "1", "automatic": "1" if self.automatic else "",
        }  # fmt: skip


@blueprint.get("/programme")
@merchant
def programme() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        rows = openings.page(session, shop.id, limit=SHOWN)
        promoting = session.execute(
            sa.select(
                sa.func.count(PromotionRow.creator_id.distinct()), sa.func.count(PromotionRow.product_ref.distinct())
            ).where(PromotionRow.shop_id == shop.id, PromotionRow.ends_at.is_(None))
        ).one()
        steps, kept = done(session, shop.id), set_up.kept(session, shop.id)
        everybody = rates.open_rate(session, shop.id, "", clock.now())
    shown = [(row, openings.state(row)) for row in rows]
    live = [each for each in shown if each[0].closed_at is None]
    return page(
        "dashboard/programme.html", shop=shop, live=live, past=[each for each in shown if each not in live],
        creators=promoting[0], products=promoting[1], kinds=WORDS, words=rate_words, steps=steps, kept=kept,
        titles=TITLES, numbers=_numbers(), everybody=everybody,
    )  # fmt: skip


@blueprint.get("/programme/set-up")
@merchant
def set_up_programme() -> str:
    """The step that the address names, or the first that isn't done."""
    return _step({})


@blueprint.post("/programme/set-up")
@merchant
def open_programme() -> str | AnyResponse:
    """Step 1: keep what was typed, look at it, or open."""
    asked, act = _asked(request.form), request.form.get("do", "open")
    if act == "save":
        return _kept("open", asked.typed())
    if act == "look":
        return redirect(url_for(".set_up_programme", step=1, look=1, **asked.typed(), _anchor="look-h"), code=303)
    try:
        rate = rate_words.typed(asked.rate, "rate_bp")
        with db.write(Scope.shop(g.shop.id)) as session:
            row = openings.open_collection(
                session, g.shop.id, asked.kind, asked.value, rate, automatic=asked.automatic, by=guards.actor()
            )
            set_up.taken(session, g.shop.id, "open")
            said = f"{asked.named} is open to creators at {rate_words.short(row.rate_bp)}."
    except (InputRefused, Conflict) as refused:
        _put(asked, refused)
        return _step({"asked": asked}, step="open")
    flash(said)
    return _onward()


@blueprint.post("/programme/set-up/rules")
@merchant
def set_up_rules() -> str | AnyResponse:
    """Step 2: keep what was typed, add the rule, or answer each offer oneself."""
    moments.use_zone(g.shop.time_zone)
    typed, act = rule_forms.typed(request.form), request.form.get("do", "add")
    if act == "save":
        return _kept("rules", typed)
    if act == "pass":
        return _passed("rules", "You answer each offer yourself. Rules can be added under Offers.")
    try:
        given = rule_forms.rule(typed, g.shop.currency)
        with db.write(Scope.shop(g.shop.id)) as session:
            acceptance.add(session, g.shop.id, given.pop("most_bp"), by=guards.actor(), **given)
            set_up.taken(session, g.shop.id, "rules")
    except (InputRefused, Conflict) as refused:
        return _step({"rule": typed, "rule_errors": rule_forms.wrong(refused)}, step="rules")
    flash("From now on such offers are accepted by themselves.")
    return _onward()


@blueprint.post("/programme/set-up/invite")
@merchant
def set_up_invitations() -> AnyResponse:
    """Step 3, passed over: creators find the shop by themselves."""
    return _passed("invite", "You invite nobody now. Creators who take part find your products by themselves.")


@blueprint.post("/programme/<opening_id>/close")
@merchant
def close_opening(opening_id: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        openings.close(session, opening_id, by=guards.actor(), shop_id=g.shop.id)
    flash("It is closed. Taps from before keep their rate.")
    return redirect(url_for(".programme"), code=303)


def _kept(step: Step, typed: Mapping[str, str]) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        set_up.keep(session, g.shop.id, step, typed, by=guards.actor())
    flash("Saved as it stands. Nothing is open by it yet; go on whenever you like.")
    return redirect(url_for(".programme"), code=303)


def _passed(step: Step, said: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        set_up.passed(session, g.shop.id, step, by=guards.actor())
    flash(said)
    return _onward()


def _onward() -> AnyResponse:
    """To the next step that isn't done; to the programme where all are."""
    with db.read(Scope.shop(g.shop.id)) as session:
        following = first_undone(done(session, g.shop.id))
    if following is None:
        return redirect(url_for(".programme"), code=303)
    return redirect(url_for(".set_up_programme", step=_numbers()[following]), code=303)


def done(session: Session, shop_id: str) -> dict[Step, bool]:
    """Which steps are done. Whoever says which samples they give has looked at the second one too."""
    found = set_up.done(session, shop_id)
    return found | {"rules": found["rules"] or bool(offers.standing(session, shop_id, clock.now()))}


def first_undone(steps: Mapping[Step, bool]) -> Step | None:
    return next((step for step in STEPS if not steps[step]), None)


def _numbers() -> dict[Step, int]:
    return {step: number for number, step in enumerate(STEPS, 1)}


def _step(shown: dict[str, Any], step: Step | None = None) -> str:
    """A step's page. `shown`: what a form that was refused had, in place of what was kept."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        steps, kept = done(session, shop.id), set_up.kept(session, shop.id)
        chosen = step or _chosen() or first_undone(steps) or "open"
        left = kept[chosen].typed if chosen in kept else {}
        of_step = {"open": _opening, "rules": _ruling, "invite": _inviting}[chosen]
        values = of_step(session, shop, shown, left)
    errors = values.get("errors") or {}
    return page(
        "dashboard/programme_set_up.html", shop=shop, step=chosen, steps=steps, titles=TITLES, numbers=_numbers(),
        words=rate_words, left_at=kept[chosen].moved_at if left else None, **{**values, "errors": errors},
    )  # fmt: skip


def _chosen() -> Step | None:
    text = request.args.get("step", "1" if "look" in request.args else "")
    return STEPS[int(text) - 1] if text in ("1", "2", "3") else None


def _opening(session: Session, shop: Shop, shown: dict[str, Any], left: Mapping[str, str]) -> dict[str, Any]:
    asked: Asked = shown.get("asked") or _asked(request.args if request.args.get("what") else left)
    rate_bp, inside, look = None, 0, "look" in request.args
    if look and not asked.errors:
        try:
            rate_bp = rate_words.typed(asked.rate, "rate_bp")
            openings.check(session, shop.id, asked.kind, asked.value, rate_bp)
            inside = openings.size(session, shop.id, asked.kind, asked.value)
        except (InputRefused, Conflict) as refused:
            _put(asked, refused)
    return {
        "asked": asked, "errors": asked.errors, "look": look and not asked.errors, "rate_bp": rate_bp,
        "inside": inside, "found": openings.collections(session, shop.id), "sold": _sold(session, shop.id),
        "example": _EXAMPLE, "joined": _joined(session), "many": MANY,
        "everybody": rates.open_rate(session, shop.id, "", clock.now()),
    }  # fmt: skip


def _ruling(session: Session, shop: Shop, shown: dict[str, Any], left: Mapping[str, str]) -> dict[str, Any]:
    now = clock.now()
    stand = [each for each in acceptance.of_shop(session, shop.id) if each.ends_at is None or each.ends_at > now]
    given = offers.standing(session, shop.id, now)
    return {"rule": shown.get("rule") or dict(left), "errors": shown.get("rule_errors"), "stand": stand, "given": given}


def _inviting(session: Session, _shop: Shop, _shown: dict[str, Any], _left: Mapping[str, str]) -> dict[str, Any]:
    return {"joined": _joined(session), "many": MANY}


def _sold(session: Session, shop_id: str) -> int:
    return session.scalar(
        sa.select(sa.func.count()).where(Listing.shop_id == shop_id, Listing.status == "shoppable")
    ) or 0  # fmt: skip


def _joined(session: Session) -> int:
    """How many creators take part; of more than MANY only that they are more."""
    takes_part = (Creator.eligibility.in_(("accepted", "")), Creator.erased_at.is_(None))
    some = sa.select(Creator.id).where(*takes_part).limit(MANY + 1)
    return session.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def _asked(form: Mapping[str, str]) -> Asked:
    kind, _, value = form.get("what", "").partition(":")
    asked = Asked(kind[:20], value[:200], form.get("rate", "").strip()[:20])
    # An unticked box isn't sent: what is asked of it stands beside it.
    asked.automatic = bool(form.get("automatic")) or "automatic_asked" not in form
    return asked


def _put(asked: Asked, refused: InputRefused | Conflict) -> None:
    """Beside the field that can mend it."""
    if isinstance(refused, Conflict):
        asked.errors["what"] = refused.public
    elif refused.field == "rate_bp":
        asked.errors["rate"] = "Write a rate from 1 to 80 per cent, like 12.5."
    elif asked.kind not in WORDS:
        asked.errors["what"] = "Say what you open to creators."
    else:
        asked.errors["what"] = f"What you chose {refused.problem} {refused.remedy}"
