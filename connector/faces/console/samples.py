"""Samples as support sees them: what is stuck, appeals to decide, and any one by its id, order or creator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.console import telling
from connector.faces.console.creators import sample_titles
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.operations.sampling import acts, stuck
from connector.programme.content import queries as contents
from connector.programme.content.tables import Content
from connector.programme.creators import queries as creators_of
from connector.programme.samples import policy, queries
from connector.programme.samples.moves import Verdict
from connector.programme.samples.tables import Sample
from connector.web import guards, keyset, sample_words
from connector.web.guards import staff
from connector.web.layout import page

SHOW = {"stuck": "Stuck", "appeals": "Appeals", "open": "Under way", "all": "All"}
VERDICTS: dict[str, str] = {
    "fulfilled": "Its content counts", "excused": "Excused: it counts for nothing", "missed": "It stays missed",
}  # fmt: skip
# act in the address → what is said once it is done
_SAID = {
    "place-again": "The store is asked again.", "by-hand": "The shop sends it itself, and reads the address.",
    "delivered": "Noted: it has arrived.", "cancel": "It is called off.",
    "confirm": "Noted: the creator bought it by that order.",
    "doubt": "Noted. The creator reads why, and may name another order.",
}  # fmt: skip


@blueprint.get("/samples")
@staff("support")
def samples() -> str | AnyResponse:
    typed = {name: request.args.get(name, "").strip()[:120] for name in ("show", "q", "shop", "creator")}
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        if typed["q"].startswith("smp_") and session.get(Sample, typed["q"]) is not None:
            return redirect(url_for(".sample", sample_id=typed["q"]), code=303)
        counts = stuck.count(session, now)
        waiting = queries.appeals(session)
        usual = "stuck" if any(counts.values()) else "appeals" if waiting else "all"
        narrowed = typed["q"] or typed["shop"] or typed["creator"]
        show = typed["show"] if typed["show"] in SHOW else "all" if narrowed else usual
        asked = _matching(show, typed, now)
        found = keyset.read(session, f"samples:{show}:{typed['shop']}:{typed['creator']}", asked, (Sample.id,))
        shops = shops_by_id(session, {row.shop_id for row in found.rows} | {typed["shop"]})
        people = creators_of.some(session, {row.creator_id for row in found.rows} | {typed["creator"]})
        titles = sample_titles(session, found.rows)
    numbers = {"stuck": sum(counts.values()), "appeals": len(waiting)}
    tabs = [
        (word, _at(typed, show=name), None if narrowed else numbers.get(name), name == show)
        for name, word in SHOW.items()
    ]  # fmt: skip
    said = {
        "q": typed["q"], "shop": name_of(shops.get(typed["shop"])) if typed["shop"] else "",
        "creator": people[typed["creator"]].name if typed["creator"] in people else typed["creator"],
    }  # fmt: skip
    labels = {"q": "Search", "shop": "Shop", "creator": "Creator"}
    return page(
        "console/samples.html", found=found, shops=shops, people=people, tabs=tabs, show=show, text=typed["q"],
        chips_shown=[(labels[name], text, _at(typed, **{name: ""})) for name, text in said.items() if text],
        clear=url_for(".samples", show=show), name_of=name_of, why=lambda row: stuck.why(row, now),
        whys=sample_words.STUCK, kinds=sample_words.KINDS, typed=typed, titles=titles,
    )  # fmt: skip


def _at(typed: dict[str, str], **changes: str) -> str:
    values: dict[str, Any] = {**typed, **changes}
    return url_for(".samples", **{name: value for name, value in values.items() if value})


def _matching(show: str, typed: dict[str, str], now: Any) -> sa.Select[Sample]:
    asked: sa.Select[Sample] = sa.select(Sample)
    if show == "stuck":
        asked = stuck.those(now)
    elif show == "appeals":
        asked = asked.where(Sample.state == "appealed")
    elif show == "open":
        asked = asked.where(Sample.look_at.is_not(None))
    if text := typed["q"]:
        numbers = {text, f"#{text.lstrip('#')}", text.lstrip("#")}
        asked = asked.where(
            sa.or_(
                Sample.id == text, Sample.order_number.in_(numbers), Sample.order_ref == text, Sample.tracking == text
            )
        )
    for column, value in ((Sample.shop_id, typed["shop"]), (Sample.creator_id, typed["creator"])):
        if value:
            asked = asked.where(column == value)
    return asked


@blueprint.get("/samples/<sample_id>")
@staff("support")
def sample(sample_id: str) -> str:
    return _shown(sample_id, {})


@blueprint.post("/samples/<sample_id>/appeal")
@staff("support")
def decide_sample(sample_id: str) -> str | AnyResponse:
    verdict, note = request.form.get("verdict", ""), request.form.get("note", "")
    missing = {} if verdict in VERDICTS else {"verdict": "Choose what counts."}
    if not note.strip():
        missing["note"] = "Say why: the creator reads it."
    if missing:
        return _shown(sample_id, missing)
    try:
        with db.write(Scope.system(WHY)) as session:
            acts.decide_appeal(session, sample_id, cast("Verdict", verdict), note, by=guards.actor())
    except InputRefused as refused:
        field = "verdict" if refused.field == "verdict" else "note"
        what = "The verdict" if field == "verdict" else "The note"
        return _shown(sample_id, {field: f"{what} {refused.problem} {refused.remedy}".strip()})
    except Conflict as refused:
        return _shown(sample_id, {"act": refused.public})
    flash("Decided. The creator and the shop read it.")
    return redirect(url_for(".sample", sample_id=sample_id), code=303)


@blueprint.post("/samples/<sample_id>/<sample_act>")
@staff("support")
def move_sample(sample_id: str, sample_act: str) -> str | AnyResponse:
    """What a shop may do, done by support for it."""
    if sample_act not in _SAID:
        raise NotFound(f"nothing called {sample_act[:40]!r} is done with a sample here")
    side: Literal["staff"] = "staff"
    asked: dict[str, Any] = {"side": side, "by": guards.actor()}
    plain: dict[str, Callable[..., Sample]] = {
        "place-again": acts.place_again, "by-hand": acts.by_hand, "delivered": acts.delivered,
        "confirm": acts.confirm,
    }  # fmt: skip
    reasoned: dict[str, Callable[..., Sample]] = {"cancel": acts.cancel, "doubt": acts.doubt}
    try:
        with db.write(Scope.system(WHY)) as session:
            if sample_act in reasoned:
                reasoned[sample_act](session, sample_id, request.form.get("reason", ""), **asked)
            else:
                plain[sample_act](session, sample_id, **asked)
    except InputRefused as refused:
        return _shown(sample_id, {f"{sample_act}-reason": f"The reason {refused.problem} {refused.remedy}".strip()})
    except Conflict as refused:
        return _shown(sample_id, {"act": refused.public})
    flash(_SAID[sample_act])
    return redirect(url_for(".sample", sample_id=sample_id), code=303)


def _shown(sample_id: str, errors: dict[str, str]) -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        row = queries.one(session, sample_id)
        who = creators_of.get(session, row.creator_id)
        shops = shops_by_id(session, {row.shop_id})
        steps = queries.steps(session, row.id)
        named = _contents(session, row)
        shown: dict[str, Any] = {
            "appeal": queries.appeal_of(session, row.id),
            "score": sample_words.score(queries.score_of(session, row.creator_id, now)),
            "listing": catalog.by_ref(session, row.shop_id, row.product_ref) if row.product_ref else None,
            "numbers": policy.numbered(policy.every(session), row.policy_version).numbers,
        }
    allowed = [each for each in sample_words.acts(row, support=True) if each in _SAID]
    return page(
        "console/sample.html", row=row, creator=who, shop=shops.get(row.shop_id), name_of=name_of, contents=named,
        steps=steps, story=sample_words.story(steps, telling.actor_words), said=sample_words.sentence(row, who.name),
        standing=sample_words.standing(row.standing, shown["numbers"]), why=stuck.why(row, now), acts=allowed,
        whys=sample_words.STUCK, verdicts=VERDICTS, kinds=sample_words.KINDS, errors=errors, typed=request.form,
        **shown,
    )  # fmt: skip


def _contents(session: Session, row: Sample) -> list[Content]:
    """The content that was named for it, and what fulfilled it."""
    ids = queries.contents(session, [row.id])[row.id]
    if row.content_id and row.content_id not in ids:
        ids = [*ids, row.content_id]
    known = contents.some(session, ids)
    return [known[each] for each in ids if each in known]
