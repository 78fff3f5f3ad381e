"""Endpoints of the app's back end, the events that are told to them, and what came of each attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Endpoint(Base):
    """Where events go. All times are wall time."""

    __tablename__ = "told_endpoints"

    id: Mapped[str] = mapped_column(primary_key=True)  # tep_…
    name: Mapped[str]
    url: Mapped[str]
    kinds: Mapped[list[Any]]  # `offer.made`, `payout.*`; empty: every kind
    status: Mapped[str]  # on | off | removed
    off_why: Mapped[str]  # "" | operator | failing (three days) | gone (it said 410)
    secret_sealed: Mapped[str]
    previous_sealed: Mapped[str | None]  # signs beside the newer one until then
    previous_until: Mapped[datetime | None]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    delivered_at: Mapped[datetime | None]  # the newest success
    failing_since: Mapped[datetime | None]  # the first failure since then
    failures: Mapped[int]  # in a row
    paused_until: Mapped[datetime | None]  # nothing is tried before
    leased_by: Mapped[str]  # one worker at a time
    leased_until: Mapped[datetime | None]


class Told(Base):
    """An event. `seq` is the order in which they are told; it never comes twice."""

    __tablename__ = "told_events"
    __table_args__ = (
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("source"),
        sa.Index("ix_told_events_creator_id", "creator_id"),
        sa.Index("ix_told_events_made_at", "made_at"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(_SEQ, primary_key=True, autoincrement=True)
    id: Mapped[str]  # evt_…
    kind: Mapped[str]
    source: Mapped[str]  # the notice or the ledger entry that it tells of: told once
    at: Mapped[datetime]  # when it happened
    made_at: Mapped[datetime]  # wall time
    creator_id: Mapped[str | None]
    shop_id: Mapped[str | None]
    notice_id: Mapped[str | None]  # where the app reads what is for the addressee alone
    data: Mapped[dict[str, Any]]


class Send(Base):
    """An event on its way to one endpoint."""

    __tablename__ = "told_sends"
    __table_args__ = (
        sa.Index("ix_told_sends_endpoint_id_status_due_at", "endpoint_id", "status", "due_at"),
        sa.Index("ix_told_sends_seq", "seq"),
    )

    endpoint_id: Mapped[str] = mapped_column(sa.ForeignKey("told_endpoints.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(sa.BigInteger(), primary_key=True)
    status: Mapped[str]  # waiting | delivered | given_up
    due_at: Mapped[datetime]  # wall time
    attempts: Mapped[int]  # since it was made or replayed
    first_at: Mapped[datetime | None]  # of those attempts
    delivered_at: Mapped[datetime | None]


class Attempt(Base):
    """One request and what was answered: its status or what went wrong, never a body."""

    __tablename__ = "told_attempts"
    __table_args__ = (sa.Index("ix_told_attempts_endpoint_id_seq", "endpoint_id", "seq"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # tat_…
    endpoint_id: Mapped[str]
    seq: Mapped[int] = mapped_column(sa.BigInteger())
    at: Mapped[datetime]
    status: Mapped[int | None]  # None: no answer
    problem: Mapped[str]  # "" | answered | redirected | no_answer | host_refused
    milliseconds: Mapped[int]


class ChainRead(Base):
    """How far a shop's sealed ledger entries were told of."""

    __tablename__ = "told_chains"

    shop_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(sa.BigInteger())
