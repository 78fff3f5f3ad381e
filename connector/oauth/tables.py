"""Joins under way."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class PendingJoin(Base):
    """A state that we gave out: single use, ten minutes, bound to the shop and to the browser session that began."""

    __tablename__ = "pending_joins"

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    platform: Mapped[str]
    domain: Mapped[str]
    browser_hash: Mapped[str]
    started_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
