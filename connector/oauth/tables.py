"""Joins under way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
    # Of a hand-over: the store as it was found, and how it ended; the browser that began waits for one of the two.
    details: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    shop_id: Mapped[str | None]
    problem: Mapped[str] = mapped_column(default="", server_default="")
