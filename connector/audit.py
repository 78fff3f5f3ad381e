"""What staff and merchants did, written with the act in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from connector import clock
from connector.db import Base, new_id


class AuditRow(Base):
    __tablename__ = "audit_log"
    __table_args__ = (sa.Index("ix_audit_log_shop_id_at", "shop_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # aud_…
    at: Mapped[datetime]
    actor: Mapped[str]  # staff:<name> | merchant:<shop> | app:<token> | command
    act: Mapped[str]  # `delivery.replay`, `run.stop` …
    subject: Mapped[str]
    shop_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]]


def record(session: Session, actor: str, act: str, subject: str, *, shop_id: str | None = None, **detail: Any) -> None:
    """Add a row in the act's own transaction. `detail` holds ids, counts and reasons, never people or secrets."""
    session.add(
        AuditRow(
            id=new_id("aud"), at=clock.wall(), actor=actor, act=act, subject=subject, shop_id=shop_id, detail=detail
        )
    )
