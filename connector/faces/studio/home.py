"""The studio's first page: what is on its way, what needs the creator, and the question why an order paid nothing."""

from __future__ import annotations

from flask import g

from connector import clock
from connector.faces.studio.earnings import told
from connector.faces.studio.face import blueprint, reading
from connector.operations import earned
from connector.programme.creators import payees
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.words import paid_to

SHOWN = 5


@blueprint.get("")
@creator
def home() -> str:
    now = clock.now()
    with reading() as session:
        money = earned.standings(session, g.creator_id, now)
        held = earned.frozen(session, g.creator_id)
        newest, _ = earned.earned(session, g.creator_id, limit=SHOWN)
        goes_to = payees.standing(session, g.creator_id, now)
        stopped = earned.stopped(session, g.creator_id)
    return page(
        "studio/home.html", money=money, held=held, lines=[(line, told(line)) for line in newest], goes_to=goes_to,
        paid_to=paid_to, stopped=stopped,
    )  # fmt: skip
