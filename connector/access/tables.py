"""Who may: staff with roles, merchants' browser sessions, app tokens with scopes, single-use sign-in links."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Staff(Base):
    __tablename__ = "staff"
    __table_args__ = (sa.UniqueConstraint("name"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # stf_…
    name: Mapped[str]
    role: Mapped[str]  # support | finance | admin
    oidc_subject: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    session_epoch: Mapped[int] = mapped_column(default=1)  # raised to sign out everywhere
    created_at: Mapped[datetime]


class SignInLink(Base):
    """A single-use link, kept as a hash; ten minutes."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # staff | merchant | creator
    subject_id: Mapped[str]  # staff id, shop id or creator id
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class StudioAccess(Base):
    """Of a creator who was signed out everywhere: sessions that began under an older epoch hold no more."""

    __tablename__ = "studio_access"

    creator_id: Mapped[str] = mapped_column(primary_key=True)
    session_epoch: Mapped[int]  # 0 without a row
    ended_at: Mapped[datetime]  # when it was last raised
    ended_by: Mapped[str]


class StudioNews(Base):
    """How far a creator has read the news in their studio."""

    __tablename__ = "studio_news"

    creator_id: Mapped[str] = mapped_column(primary_key=True)
    read_up_to: Mapped[str]  # the id of a notice
    read_at: Mapped[datetime]


class AppToken(Base):
    """A token of the app's back end, kept as a hash."""

    __tablename__ = "app_tokens"
    __table_args__ = (sa.UniqueConstraint("token_hash"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # tok_…
    name: Mapped[str]
    token_hash: Mapped[str]
    scopes: Mapped[str]  # parted by spaces
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AppAnswer(Base):
    """What a write of the app's back end was answered, under the key that it was sent with."""

    __tablename__ = "app_answers"
    __table_args__ = (
        sa.UniqueConstraint("token_id", "request_key"),
        sa.Index("ix_app_answers_made_at", "made_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # aan_…
    token_id: Mapped[str]
    request_key: Mapped[str]
    request_hash: Mapped[str]  # of method, address and body
    status: Mapped[int]  # 0: under way
    mimetype: Mapped[str]
    sealed: Mapped[str | None]  # the body; None: under way
    made_at: Mapped[datetime]  # wall time
