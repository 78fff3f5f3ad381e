"""What staff keep for themselves: views of the console's lists."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class SavedView(Base):
    """A list of the console with filters, under a name. Its address is all there is to it, so a view can be pasted."""

    __tablename__ = "saved_views"
    __table_args__ = (sa.UniqueConstraint("place", "owner", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # viw_…
    place: Mapped[str]  # which list: orders, inbox, runs, shops, audit, timeline …
    name: Mapped[str]
    query: Mapped[str]  # the filters as they stand in the address, without cursors
    owner: Mapped[str]  # staff id
    shared: Mapped[bool] = mapped_column(default=False)  # all staff see it; only its owner and admins remove it
    created_at: Mapped[datetime]
