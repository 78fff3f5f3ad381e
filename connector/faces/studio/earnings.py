"""Earnings: what is on its way, what is frozen and until when one may explain, and each line with its state and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g, request, url_for

from connector import clock
from connector.faces.studio.face import blueprint, reading
from connector.operations import earned
from connector.operations.earned import Line
from connector.programme.content import queries as contents
from connector.programme.creators import payees
from connector.web import cursors, explain, words
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.words import paid_to

SHOW = {"earned": "What you earned", "nothing": "What earned nothing"}


@blueprint.get("/earnings")
@creator
def earnings() -> str:
    show = request.args.get("show", "earned")
    show = show if show in SHOW else "earned"
    content_id = request.args.get("content", "")[:64]
    listing = f"studio:{show}:{g.creator_id}:{content_id}"
    cursor = request.args.get("older", "")
    before = cursors.unpack(listing, cursor) if cursor else ()
    now = clock.now()
    with reading() as session:
        money = earned.standings(session, g.creator_id, now)
        held = earned.frozen(session, g.creator_id)
        goes_to = payees.standing(session, g.creator_id, now)
        stopped = earned.stopped(session, g.creator_id)
        videos = contents.newest(session, g.creator_id)
        if show == "earned":
            after = str(before[0]) if before else ""
            rows, last = earned.earned(session, g.creator_id, content_id=content_id, before=after)
            key: Sequence[Any] = [last] if last else ()
        else:
            there = (cursors.moment(before[0]), *before[1:]) if before else ()
            rows, key = earned.nothing(session, g.creator_id, content_id=content_id, before=there)
    chosen = next((row for row in videos if row.id == content_id), None)
    tabs = [
        (word, url_for(".earnings", show=name, content=content_id or None), None, name == show)
        for name, word in SHOW.items()
    ]
    return page(
        "studio/earnings.html", money=money, held=held, goes_to=goes_to, paid_to=paid_to, tabs=tabs, show=show,
        stopped=stopped, lines=[(line, told(line)) for line in rows], videos=videos, chosen=chosen, first=not before,
        older=cursors.pack(listing, key) if key else "",
    )  # fmt: skip


def told(line: Line) -> str:
    """Why the line stands as it does, in the creator's words."""
    slots = {"content": explain.CONTENT.get(line.kind, "")}
    if line.evidence:
        slots |= explain.candidate_slots(line.evidence, {"placed_at": line.placed_at.isoformat()})
    return words.reason(line.reason, "creator", slots)
