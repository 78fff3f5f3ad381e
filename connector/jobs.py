"""Durable jobs on DBOS: how rooms start work by name. Filled by the jobs room."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class WorkerSlot(Base):
    """A worker's seat (its DBOS executor id), held by a lease with a heartbeat (wall time)."""

    __tablename__ = "worker_slots"

    slot: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[datetime]
    taken_at: Mapped[datetime]
    recovered_at: Mapped[datetime | None]
