"""Put everything that is sealed under the newest key, so that an older one may be dropped.

Only what another key sealed is written, so doing it again, or going on after a crash, is safe. A row that somebody else
wrote meanwhile is left alone: that one was sealed with the writer's newest key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from connector import db, vault
from connector.access.tables import AppAnswer
from connector.commerce.shops.tables import GrantRow
from connector.db import Scope
from connector.notices import Notice
from connector.operations.privacy.tables import PrivacyExport, PrivacyRequest
from connector.operations.telling.tables import Endpoint
from connector.programme.creators.tables import Payee
from connector.programme.samples.tables import Sample
from connector.webhooks.tables import DeliveryRow

_GRANT = (GrantRow.access_sealed, GrantRow.refresh_sealed, GrantRow.previous_refresh_sealed)
# What is sealed beside grants: bodies, whom a privacy request is about and the files made for one, payment details,
# where samples go, what signs events, what the app was answered.
_BODIES = (
    (DeliveryRow.id, DeliveryRow.body_sealed),
    (PrivacyRequest.id, PrivacyRequest.subject_sealed),
    (PrivacyExport.id, PrivacyExport.sealed),
    (Payee.id, Payee.sealed),
    (Sample.id, Sample.recipient_sealed),
    (Notice.id, Notice.secret_sealed),
    (Endpoint.id, Endpoint.secret_sealed),
    (Endpoint.id, Endpoint.previous_sealed),
    (AppAnswer.id, AppAnswer.sealed),
)
BATCH = 100
_WHY = "what is sealed is put under the newest key, for all shops"


@dataclass(slots=True)
class Resealed:
    """How many rows were looked at, and how many of them an older key had sealed."""

    grants: int = 0
    grants_written: int = 0
    bodies: int = 0
    bodies_written: int = 0


def reseal() -> Resealed:
    """Errors: ConfigurationWrong when no live key opens something; what was done until then stays."""
    done = Resealed()
    for shop_ids in _ids(sa.select(GrantRow.shop_id), GrantRow.shop_id):
        done.grants += len(shop_ids)
        done.grants_written += _grants(shop_ids)
    for key, column in _BODIES:
        for ids in _ids(sa.select(key).where(column.is_not(None)), key):
            done.bodies += len(ids)
            done.bodies_written += _bodies(key, column, ids)
    return done


def _ids(query: sa.Select[str], key: sa.orm.InstrumentedAttribute[str]) -> Iterator[list[str]]:
    after = ""
    while True:
        with db.read(Scope.system(_WHY)) as session:
            found = list(session.scalars(query.where(key > after).order_by(key).limit(BATCH)))
        if not found:
            return
        yield found
        after = found[-1]


def _grants(shop_ids: list[str]) -> int:
    written = 0
    with db.write(Scope.system(_WHY)) as session:
        rows = session.scalars(sa.select(GrantRow).where(GrantRow.shop_id.in_(shop_ids)).with_for_update())
        for row in rows:
            changed = False
            for column in _GRANT:
                sealed = getattr(row, column.key)
                if sealed is not None and not vault.current().is_newest(sealed):
                    setattr(row, column.key, vault.current().reseal(sealed))
                    changed = True
            written += changed
    return written


def _bodies(
    key: sa.orm.InstrumentedAttribute[str], column: sa.orm.InstrumentedAttribute[str | None], ids: list[str]
) -> int:
    """Bodies may be large: they are sealed outside the transaction, and written where they are still the same."""
    with db.read(Scope.system(_WHY)) as session:
        found = session.execute(sa.select(key, column).where(key.in_(ids))).all()
    old = [(row_id, sealed) for row_id, sealed in found if sealed and not vault.current().is_newest(sealed)]
    fresh = [(row_id, sealed, vault.current().reseal(sealed)) for row_id, sealed in old]
    written = 0
    if not fresh:
        return 0
    with db.write(Scope.system(_WHY)) as session:
        for row_id, before, after in fresh:
            same = sa.and_(key == row_id, column == before)
            changed = session.execute(sa.update(key.class_).where(same).values({column.key: after}))
            written += changed.rowcount  # type: ignore[attr-defined]
    return written
