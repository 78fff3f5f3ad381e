"""Creators, with a dated status."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Creator(Base):
    __tablename__ = "creators"
    __table_args__ = (sa.UniqueConstraint("handle"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # crt_…
    handle: Mapped[str]  # canonical: NFKC, case-folded, without @
    name: Mapped[str]
    followers: Mapped[int]
    created_at: Mapped[datetime]


class CreatorStatus(Base):
    """active | suspended | closed, from a moment on. Never edited."""

    __tablename__ = "creator_statuses"
    __table_args__ = (sa.Index("ix_creator_statuses_creator_id_starts_at", "creator_id", "starts_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    starts_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
