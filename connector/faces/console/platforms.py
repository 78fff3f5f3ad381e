"""The platforms there are: how each joins, what it can, what its promises rest on, and what it is excused from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import get_args

import sqlalchemy as sa

from connector import db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.faces.console.face import WHY, blueprint
from connector.platforms import roster
from connector.platforms.contract import Capability, Platform
from connector.web import moments, platform_words
from connector.web.guards import staff
from connector.web.layout import page


@dataclass(frozen=True, slots=True)
class Line:
    platform: Platform
    shops: int
    states: dict[str, int]  # of the readiness list
    problem: str  # why no store can join here; "" when one can


@blueprint.get("/platforms")
@staff("support")
def platforms() -> str:
    numbers = _shops()
    lines = [
        Line(
            each, numbers.get(each.slug, 0), Counter(one.state for one in each.readiness),
            platform_words.not_set_up(each),
        )
        for each in sorted(roster.platforms().values(), key=lambda each: each.title.lower())
    ]  # fmt: skip
    return page("console/platforms.html", lines=lines, readiness=platform_words.READINESS, ways=platform_words.ways)


@blueprint.get("/platforms/<slug>", endpoint="platform")
@staff("support")
def one_platform(slug: str) -> str:
    platform = roster.platform(slug)
    cannot = [each for each in get_args(Capability) if not platform.can(each)]
    promises = platform_words.promises(platform)
    return page(
        "console/platform.html", platform=platform, shops=_shops().get(slug, 0), promises=promises,
        can=[(each, platform_words.CAPABILITIES[each][1]) for each in get_args(Capability) if platform.can(each)],
        cannot=[(each, platform_words.CAPABILITIES[each][1]) for each in cannot],
        problem=platform_words.not_set_up(platform), ways=platform_words.ways(platform),
        unproven=sum(each.badge.word == "Unproven" for each in promises),
        orders_every=moments.every(platform.orders_every), products_every=moments.every(platform.products_every),
    )  # fmt: skip


def _shops() -> dict[str, int]:
    """Platform → shops that have not left."""
    with db.read(Scope.system(WHY)) as session:
        rows = session.execute(
            sa.select(Shop.platform, sa.func.count()).where(Shop.status != "left").group_by(Shop.platform)
        )
        return {row[0]: row[1] for row in rows}
