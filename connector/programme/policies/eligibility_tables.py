"""Versions of the eligibility policy that were set here, beside those that the product was born with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class EligibilityPolicyRow(Base):
    """Who may take part, from a moment on. Never edited, never backdated."""

    __tablename__ = "eligibility_policies"
    __table_args__ = (sa.UniqueConstraint("version"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # elp_…
    version: Mapped[int]
    starts_at: Mapped[datetime]
    numbers: Mapped[dict[str, Any]]  # every field of `eligibility.Numbers`
    why: Mapped[str]
    recorded_at: Mapped[datetime]  # wall time
    recorded_by: Mapped[str]
