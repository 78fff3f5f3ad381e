"""Where the programme is on: the countries that were ever switched, and the switch itself, dated and with a reason."""

from __future__ import annotations

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.programme.creators import countries as rooms
from connector.programme.creators import payees
from connector.programme.creators.tables import CountrySwitch, CreatorCountry
from connector.web import guards
from connector.web.guards import staff
from connector.web.layout import page


@blueprint.get("/countries")
@staff("support")
def countries() -> str:
    return _page({}, {})


def _page(typed: dict[str, str], errors: dict[str, str]) -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        every = session.scalars(
            sa.select(CountrySwitch).order_by(CountrySwitch.starts_at.desc(), CountrySwitch.id.desc())
        ).all()
        off = rooms.off_at(session, now)
        newest = (
            sa.select(CreatorCountry.creator_id, sa.func.max(CreatorCountry.starts_at).label("at"))
            .where(CreatorCountry.starts_at <= now)
            .group_by(CreatorCountry.creator_id)
            .subquery()
        )
        lives = sa.and_(
            newest.c.creator_id == CreatorCountry.creator_id,
            sa.type_coerce(newest.c.at, CreatorCountry.starts_at.type) == CreatorCountry.starts_at,
        )
        counted = sa.select(CreatorCountry.country, sa.func.count()).join(newest, lives)
        living = {code: int(number) for code, number in session.execute(counted.group_by(CreatorCountry.country))}
    names = payees.countries()
    rows = sorted({row.country for row in every} | living.keys(), key=lambda code: names.get(code, code))
    return page(
        "console/countries.html", rows=rows, names=names, off=off, living=living, switches=every, typed=typed,
        errors=errors, now=now, choices=sorted(names.items(), key=lambda each: each[1]),
    )  # fmt: skip


@blueprint.post("/countries")
@staff("admin")
def switch_country() -> str | AnyResponse:
    typed = {name: request.form.get(name, "").strip() for name in ("country", "on", "why")}
    errors = {}
    if not typed["country"]:
        errors["country"] = "Choose the country"
    if typed["on"] not in ("yes", "no"):
        errors["on"] = "Choose on or off"
    if not typed["why"]:
        errors["why"] = "Say why, for whoever asks later"
    if errors:
        return _page(typed, errors)
    try:
        with db.write(Scope.system(WHY)) as session:
            rooms.switch(session, typed["country"], on=typed["on"] == "yes", by=guards.actor(), why=typed["why"])
    except InputRefused as refused:
        return _page(typed, {refused.field: f"{refused.problem} {refused.remedy}".strip().rstrip(".")})
    name = payees.countries().get(typed["country"].upper(), typed["country"])
    flash(f"{name}: the programme is {'on' if typed['on'] == 'yes' else 'off'} for orders placed from now on.")
    return redirect(url_for(".countries"), code=303)
