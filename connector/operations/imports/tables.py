"""Files that were brought, their rows with what became of each, and the keys of what was taken."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Import(Base):
    """One file of one kind for one shop: looked at, and perhaps taken since."""

    __tablename__ = "imports"
    __table_args__ = (sa.Index("ix_imports_shop_id_looked_at", "shop_id", "looked_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # imp_…
    shop_id: Mapped[str]
    kind: Mapped[str]  # codes | links | balances
    file_name: Mapped[str]
    file_hash: Mapped[str]  # SHA-256 of its bytes
    unused: Mapped[list[Any]]  # names of columns that we don't read
    status: Mapped[str]  # looking | looked | asks | taking | taken
    rows: Mapped[int]
    token: Mapped[str]  # names what the report says of every row, and so the facts that it was worked out from
    looked_at: Mapped[datetime]
    looked_by: Mapped[str]
    taken_at: Mapped[datetime | None]
    taken_by: Mapped[str | None]  # who agreed to the report
    approved_by: Mapped[str | None]  # the second person, where the sum asked for one
    note: Mapped[str] = mapped_column(default="", server_default="")  # why it wasn't taken after all


class ImportRow(Base):
    """One row of a file. `outcome` is what it would come to, and after taking what it came to; `unread` at first."""

    __tablename__ = "import_rows"
    __table_args__ = (
        sa.Index("ix_import_rows_import_id_key", "import_id", "key"),
        sa.Index("ix_import_rows_import_id_outcome_number", "import_id", "outcome", "number"),
    )

    import_id: Mapped[str] = mapped_column(sa.ForeignKey("imports.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # of its line in the file, the header is 1
    key: Mapped[str]  # what makes it the same row when it comes again; "" where it can't be read
    said: Mapped[dict[str, Any]]  # its columns as they were read, those that we use
    meaning: Mapped[str]  # hash of what it says of its key: two rows of one key agree or contradict
    outcome: Mapped[str]  # unread | new | same | conflict | refused, and taken once it is
    reason: Mapped[str]  # code, "" for what is clean
    field: Mapped[str]  # the column that is wrong, or that differs
    detail: Mapped[str]  # what stands against it, in words
    result_id: Mapped[str]  # what it became: a code, a link, an entry


class ImportTaken(Base):
    """What was taken under which key. A balance comes once, in whatever file it stands."""

    __tablename__ = "imports_taken"

    shop_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    meaning: Mapped[str]
    import_id: Mapped[str]
    number: Mapped[int]
    result_id: Mapped[str]
    taken_at: Mapped[datetime]
