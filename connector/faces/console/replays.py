"""Replays: what one or many would change, then the run with its progress. A filter, never ticked rows of one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import db
from connector.commerce.orders import queries as orders_of
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.console import inbox
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.web import explain, guards, words
from connector.web.guards import staff
from connector.web.layout import page
from connector.webhooks import preview as looking
from connector.webhooks import replay as replaying
from connector.webhooks.preview import Change
from connector.webhooks.tables import DeliveryRow, Replay, ReplayLine

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Move:
    """What one account would move by, in minor units."""

    account: str
    currency: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class ReplayView:
    """How a preview or a run stands."""

    state: words.Badge
    sentence: str
    taken: int
    total: int
    final: bool
    by_status: list[tuple[words.Badge, int]]


@blueprint.get("/inbox/<delivery_id>/replay")
@staff("support")
def replay_preview(delivery_id: str) -> str:
    """What a replay would do: it is taken in as ever and undone, so what is shown is what happens."""
    with db.read(Scope.system(WHY)) as session:
        row = _row(session, delivery_id)
        shop = session.get(Shop, row.shop_id) if row.shop_id else None
        order = orders_of.by_ref(session, row.shop_id, row.order_ref) if row.shop_id and row.order_ref else None
    change, problem = None, ""
    try:
        change = looking.one(delivery_id)
    except Conflict as refused:
        problem = refused.public
    return page(
        "console/replay.html", row=row, shop=shop, order=order, change=change, problem=problem,
        moves=_moves(change.moves) if change else [], mark=_mark(row, change),
    )  # fmt: skip


def _mark(row: DeliveryRow, change: Change | None) -> str:
    """What the reader saw, so that a button pressed later does that and nothing else."""
    before = [(move["account"], move["before"]) for move in change.moves] if change else []
    return f"{row.status}.{row.tries}.{row.repeats}.{sum(value for _, value in before)}.{len(before)}"


@blueprint.post("/inbox/<delivery_id>/replay")
@staff("support")
def replay_one(delivery_id: str) -> AnyResponse:
    seen = request.form.get("mark", "")
    if seen:
        with db.read(Scope.system(WHY)) as session:
            row = _row(session, delivery_id)
        if seen != _mark(row, looking.one(delivery_id)):
            raise Conflict(
                f"{delivery_id} moved since its preview",
                public="Something changed, look again: the delivery or its order moved since. Nothing was done.",
            )
    with db.write(Scope.system(WHY)) as session:
        replaying.replay(session, by=guards.actor(), delivery_id=delivery_id)
    flash("The delivery waits again; a worker takes it within seconds.")
    return redirect(url_for(".delivery", delivery_id=delivery_id), code=303)


@blueprint.get("/inbox/replay")
@staff("support")
def replay_estimate() -> str:
    """What a replay of a filter would touch: deliveries, shops, orders."""
    asked = {name: request.args.get(name, "").strip() for name in inbox.FILTERS}
    with db.read(Scope.system(WHY)) as session:
        found = replaying.estimate(session, inbox.filter_of(session, asked))
        known = shops_by_id(session, {asked["shop"]})
    return page(
        "console/replay_many.html", asked=asked, found=found, chips_shown=inbox.chips(asked, known),
        at_most=replaying.AT_MOST, back={name: value for name, value in asked.items() if value},
    )  # fmt: skip


@blueprint.post("/inbox/replay")
@staff("support")
def replay_many() -> AnyResponse:
    """Begin a preview or a run of a filter, or the run of a preview that was read."""
    kind = request.form.get("kind", "run")
    if kind not in ("preview", "run"):
        raise InputRefused("kind", "is preview or run.", "Start again from the inbox.")
    asked = {name: request.form.get(name, "").strip() for name in inbox.FILTERS}
    with db.write(Scope.system(WHY)) as session:
        made = replaying.begin(session, inbox.filter_of(session, asked), kind=kind, by=guards.actor())
    return redirect(url_for(".replay", replay_id=made.id), code=303)


@blueprint.get("/replays")
@staff("support")
def replays() -> str:
    with db.read(Scope.system(WHY)) as session:
        rows = session.scalars(sa.select(Replay).order_by(Replay.id.desc()).limit(SHOWN)).all()
        lines = [(row, _view(session, row), _about(session, row)) for row in rows]
    return page("console/replays.html", lines=lines)


@blueprint.get("/replays/<replay_id>")
@staff("support")
def replay(replay_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = replaying.get(session, replay_id)
        seen = _view(session, row)
        lines = session.execute(
            sa.select(ReplayLine, DeliveryRow.topic, DeliveryRow.status)
            .join(DeliveryRow, DeliveryRow.id == ReplayLine.delivery_id)
            .where(ReplayLine.replay_id == replay_id, ReplayLine.taken_at.is_not(None))
            .order_by(ReplayLine.entries.desc(), ReplayLine.number)
            .limit(SHOWN)
        ).all()
        shops = shops_by_id(session, {line.shop_id for line, _, _ in lines})
        moves = _sums(session, replay_id) if row.kind == "preview" else []
        about = _about(session, row)
        run_id = session.scalar(sa.select(Replay.id).where(Replay.preview_id == replay_id).limit(1))
    return page(
        "console/replay_run.html", row=row, seen=seen, lines=lines, shops=shops, moves=moves, about=about, run_id=run_id
    )


@blueprint.get("/replays/<replay_id>/part")
@staff("support")
def replay_part(replay_id: str) -> str:
    """The live part of a replay's page."""
    with db.read(Scope.system(WHY)) as session:
        return page("console/replay_part.html", seen=_view(session, replaying.get(session, replay_id)))


@blueprint.post("/replays/<replay_id>/run")
@staff("support")
def run_preview(replay_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        made = looking.run_it(session, replay_id, by=guards.actor())
    return redirect(url_for(".replay", replay_id=made.id), code=303)


@blueprint.post("/replays/<replay_id>/stop")
@staff("support")
def stop_replay(replay_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        replaying.stop(session, replay_id, by=guards.actor())
    flash("It was asked to stop. What was put back stays put back.")
    return redirect(url_for(".replay", replay_id=replay_id), code=303)


def _view(session: Session, row: Replay) -> ReplayView:
    progress = replaying.progress(session, row.id) if row.kind == "run" else {}
    waiting = progress.get("waiting", 0)
    final = row.status in replaying.FINAL and not waiting
    if row.kind == "preview":
        sentence = f"{row.taken:,} of {row.total:,} looked at; nothing is changed by looking."
    elif final:
        sentence = f"{row.taken:,} of {row.total:,} were put back and taken in again."
    else:
        sentence = f"{row.taken:,} of {row.total:,} put back, {row.taken - waiting:,} of them taken in."
    if row.problem:
        sentence = row.problem
    status = "running" if row.status == "done" and waiting else row.status
    taken = row.taken - waiting if row.kind == "run" else row.taken
    by_status = [(words.status("delivery", name), number) for name, number in sorted(progress.items())]
    return ReplayView(words.status("run", status), sentence, taken, row.total, final, by_status)


def _about(session: Session, row: Replay) -> list[tuple[str, str]]:
    """The filter in words."""
    shops = shops_by_id(session, {row.asked.get("shop_id", "")})
    said = []
    for name, value in row.asked.items():
        if name == "shop_id" and value in shops:
            value = shops[value].name or shops[value].domain
        elif name == "status":
            value = words.status("delivery", value).word
        elif name == "reason":
            value = words.reason(value, "support")
        said.append((name.removesuffix("_id").removesuffix("_ref").capitalize(), str(value)))
    return said


def _moves(found: Sequence[dict[str, Any]]) -> list[Move]:
    return [_move(each["account"], each["currency"], each["before"], each["after"]) for each in found]


def _move(account: str, currency: str, before: int, after: int) -> Move:
    """With the sign of a reader: what is owed to somebody is positive, as it is on every other page."""
    sign = 1 if account in ("merchant_receivable", "bank") else -1
    return Move(explain.ACCOUNTS.get(account, account), currency, sign * before, sign * after)


def _sums(session: Session, replay_id: str) -> list[Move]:
    """What all orders of a preview would move together, an account and currency; currencies are never added."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    moving = sa.select(ReplayLine.moves).where(ReplayLine.replay_id == replay_id, ReplayLine.entries > 0)
    for moves in session.scalars(moving.execution_options(yield_per=500)):
        for move in moves:
            key = (move["account"], move["currency"])
            before, after = sums.get(key, (0, 0))
            sums[key] = (before + move["before"], after + move["after"])
    return [_move(*key, *values) for key, values in sorted(sums.items())]


def _row(session: Session, delivery_id: str) -> DeliveryRow:
    row = session.get(DeliveryRow, delivery_id)
    if row is None:
        raise NotFound(f"no delivery has the id {delivery_id[:40]!r}")
    return row
