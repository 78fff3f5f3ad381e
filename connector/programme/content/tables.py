"""Content: the video or live session that a touch came from."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Content(Base):
    __tablename__ = "contents"
    __table_args__ = (sa.UniqueConstraint("creator_id", "network", "content_ref"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # cnt_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    network: Mapped[str]
    content_ref: Mapped[str]  # the app's own id of the video or live session
    kind: Mapped[str]  # video | live
    title: Mapped[str]
    created_at: Mapped[datetime]
