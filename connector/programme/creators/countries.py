"""Where a creator is, and in which countries the programme is off (D16): dated, never backdated, read as they stood.

A creator without a known country is held back nowhere: the app tells the country, and may tell it late. Switching a
country off changes no order that was placed before.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.db import new_id
from connector.errors import InputRefused
from connector.programme.creators import payees, queries
from connector.programme.creators.tables import CountrySwitch, CreatorCountry

OFF = "country_off"
_HELD = "country_switches"
_LONGEST_REASON = 500
_OF_CREATORS = (
    sa.select(CreatorCountry.creator_id, CreatorCountry.country)
    .where(
        db.among(CreatorCountry.creator_id, "creators"),
        CreatorCountry.starts_at <= sa.bindparam("moment"),
    )
    .order_by(CreatorCountry.starts_at, CreatorCountry.id)
)


def checked(typed: str) -> str:
    """Two letters of ISO 3166. Errors: InputRefused."""
    code = typed.strip().upper()
    if code not in payees.countries():
        raise InputRefused("country", f"{typed[:10]!r} isn't a country.", "Give its two letters, like DE.")
    return code


def tell(session: Session, creator_id: str, country: str, now: datetime | None = None) -> bool:
    """The creator is in that country from now on; whether that is new. Errors: NotFound; InputRefused."""
    code, now = checked(country), now or clock.now()
    queries.living(session, creator_id)
    if of(session, [creator_id], now).get(creator_id) == code:
        return False
    session.add(CreatorCountry(id=new_id("cct"), creator_id=creator_id, country=code, starts_at=now))
    session.flush()
    return True


def of(session: Session, creator_ids: Collection[str], moment: datetime) -> dict[str, str]:
    """Creator → country, as it stood then; those whose country wasn't known are absent."""
    rows = session.connection().execute(_OF_CREATORS, {"creators": sorted(creator_ids), "moment": moment})
    return {row.creator_id: row.country for row in rows}


def switch(
    session: Session, country: str, *, on: bool, by: str, why: str, starts_at: datetime | None = None,
    now: datetime | None = None,
) -> None:  # fmt: skip
    """Creators of that country may earn by orders placed from `starts_at` on (default: now), or may not.

    Errors: InputRefused for a country, without a reason, for a start that has passed, or when it stands so already.
    """
    code, now = checked(country), now or clock.now()
    starts_at, why = starts_at or now, why.strip()
    if not why or len(why) > _LONGEST_REASON:
        raise InputRefused("why", f"is empty or longer than {_LONGEST_REASON} characters.", "Say why, for later.")
    if starts_at < now:
        raise InputRefused("starts_at", "has passed.", "It is never backdated: give a time from now on.")
    if (code in off_at(session, starts_at)) is not on:
        raise InputRefused("country", f"{code} is {'on' if on else 'off'} already then.")
    session.add(
        CountrySwitch(
            id=new_id("csw"), country=code, is_on=on, why=why, starts_at=starts_at, recorded_at=clock.wall(),
            recorded_by=by,
        )
    )  # fmt: skip
    audit.record(session, by, "country.switch", code, on=on, starts_at=starts_at.isoformat(), why=why)
    session.flush()
    session.info.pop(_HELD, None)


def off_at(session: Session, moment: datetime) -> frozenset[str]:
    """The countries in which the programme was off then. The few switches are read once a session."""
    held: list[tuple[str, bool, datetime]] | None = session.info.get(_HELD)
    if held is None:
        query = sa.select(CountrySwitch.country, CountrySwitch.is_on, CountrySwitch.starts_at)
        rows = session.execute(query.order_by(CountrySwitch.starts_at, CountrySwitch.id))
        held = session.info[_HELD] = [(country, on, starts_at) for country, on, starts_at in rows]
    stands = {country: on for country, on, starts_at in held if starts_at <= moment}
    return frozenset(country for country, on in stands.items() if not on)


def held_back(session: Session, creator_ids: Collection[str], moment: datetime) -> frozenset[str]:
    """Those of the creators who were in a country that was off. No query more where none ever was."""
    off = off_at(session, moment)
    if not off or not creator_ids:
        return frozenset()
    return frozenset(who for who, country in of(session, creator_ids, moment).items() if country in off)
