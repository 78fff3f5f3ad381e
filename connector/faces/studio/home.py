"""The studio's first page: what is on its way, what needs the creator, what sold last, and the way to a first link."""

from __future__ import annotations

from flask import g
from sqlalchemy.orm import Session

from connector import clock
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import Link
from connector.faces.studio import links, needs
from connector.faces.studio.earnings import told
from connector.faces.studio.face import blueprint, reading
from connector.insight.reports import beginnings
from connector.insight.reports.asked import Asked
from connector.insight.reports.beginnings import Beginning
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
        held = earned.frozen(session, g.creator_id)
        money = earned.standings(session, g.creator_id, now, held)
        newest, more = earned.earned(session, g.creator_id, limit=SHOWN)
        goes_to = payees.standing(session, g.creator_id, now)
        stopped = earned.stopped(session, g.creator_id)
        todo = needs.of(session, g.creator_id, held=held, goes_to=goes_to, earns=bool(money), now=now)
        link = _first_link(session)
        # Who has sold for long knows how it began; for them it stands on the profile.
        began = None if more else begun(session)
    return page(
        "studio/home.html", money=money, held=held, lines=[(line, told(line)) for line in newest], goes_to=goes_to,
        paid_to=paid_to, stopped=stopped, needs=todo, link=link, url=links.address(link) if link else "", began=began,
    )  # fmt: skip


def begun(session: Session) -> Beginning | None:
    """When the creator joined, made a first link and sold first."""
    return beginnings.each(session, Asked(creator_id=g.creator_id)).get(g.creator_id)


def _first_link(session: Session) -> Link | None:
    return next(iter(attribution.links_of(session, g.creator_id, after=None, limit=1)), None)
