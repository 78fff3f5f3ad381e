"""Payment details for tests: IBANs and numbers from public documentation, which belong to nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import vault
from connector.db import new_id
from connector.programme.creators.payees import Details, masked
from connector.programme.creators.tables import Creator, Payee

MIRA = Details(name="Mira Ø.", country="DE", iban="DE89370400440532013000", bic="COBADEFFXXX")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def version(creator_id: str, details: Details = MIRA, *, confirmed_at: datetime = LONG_AGO, number: int = 1) -> Payee:
    """A version that was confirmed, and is in force three days after."""
    return Payee(
        id=new_id("pye"), creator_id=creator_id, number=number, shown=masked(details), account_hash="",
        sealed=vault.current().seal(msgspec.json.encode(details)), proposed_at=confirmed_at - timedelta(hours=1),
        proposed_by="test", code_hash="", wrong_codes=0, confirmed_at=confirmed_at,
    )  # fmt: skip


def payable(session: Session, *creator_ids: str, details: Details = MIRA) -> None:
    """Let creators be paid."""
    session.add_all(version(creator_id, details) for creator_id in creator_ids)
    session.flush()


def all_payable(session: Session) -> None:
    """Let every creator be paid who gave no details."""
    without = sa.select(Creator.id).where(~sa.exists().where(Payee.creator_id == Creator.id))
    payable(session, *session.scalars(without).all())
