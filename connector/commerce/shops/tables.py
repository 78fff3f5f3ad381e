"""Shops, their grants, and the pending joins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Shop(Base):
    """One store on one platform. (platform, domain) is the tenant key; the platform's own id comes with the profile."""

    __tablename__ = "shops"
    __table_args__ = (sa.UniqueConstraint("platform", "domain"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # shp_…
    platform: Mapped[str]
    domain: Mapped[str]
    shop_ref: Mapped[str] = mapped_column(default="")
    name: Mapped[str] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(default="")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    country: Mapped[str] = mapped_column(default="")
    storefront_url: Mapped[str] = mapped_column(default="")
    taxes_included: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(default="connected")  # connected | needs_reconnect | left
    status_reason: Mapped[str] = mapped_column(default="")  # a code: grant_lost, scopes_missing, currency_changed …
    status_detail: Mapped[str] = mapped_column(default="")  # one sentence for the merchant
    # Set while nobody has looked at a change of currency: nothing of the shop is settled until then.
    currency_before: Mapped[str] = mapped_column(default="")
    currency_changed_at: Mapped[datetime | None]
    profile_at: Mapped[datetime | None]  # business time of the newest profile that was taken over
    visited_at: Mapped[datetime | None]  # business time of the newest session token: the app was installed then
    # By which of `join.WAYS` it came last; "" for a shop that came before this was kept.
    joined_by: Mapped[str] = mapped_column(default="", server_default="")
    installed_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ShopAbsence(Base):
    """A time in which the shop was gone, from leaving to return. Never deleted: orders of then credit nobody."""

    __tablename__ = "shop_absences"

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    left_at: Mapped[datetime] = mapped_column(primary_key=True)  # business time, as the store says it
    returned_at: Mapped[datetime | None]  # business time; None: not back yet
    heard_at: Mapped[datetime]  # wall time of the latest of the two facts that we heard


class ShopSetting(Base):
    """A dated setting of a shop (window, hold …). Never edited: a change is a new row with a later start."""

    __tablename__ = "shop_settings"
    __table_args__ = (sa.UniqueConstraint("shop_id", "name", "starts_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # set_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    name: Mapped[str]
    value: Mapped[str]
    starts_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(default="")


class GrantRow(Base):
    """A shop's permission, sealed. Two generations are kept until the newer one was used once."""

    __tablename__ = "grants"

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    access_sealed: Mapped[str]
    refresh_sealed: Mapped[str | None]
    previous_refresh_sealed: Mapped[str | None]
    scopes: Mapped[str] = mapped_column(default="")  # granted, as the platform said last; parted by spaces
    scopes_at: Mapped[datetime | None]  # business time at which it said so
    expires_at: Mapped[datetime | None]  # wall time
    refresh_expires_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")  # of the API, no secrets
    generation: Mapped[int] = mapped_column(default=1)
    renewed_at: Mapped[datetime]
    # Who is renewing right now: a lease, since HTTP may not happen inside a write transaction.
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]


class ApiBudget(Base):
    """What the platform last said about a shop's API budget; shared by all workers."""

    __tablename__ = "api_budgets"

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    available: Mapped[float] = mapped_column(sa.Float)
    maximum: Mapped[float] = mapped_column(sa.Float)
    restore_rate: Mapped[float] = mapped_column(sa.Float)
    # [[id, points, until (seconds since 1970)], …]: calls whose answer has not come, so that the platform's figure may
    # not hold them yet.
    flights: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    heard_at: Mapped[datetime]
    # Another API version than was asked for, as the platform named it last; a wrong version may have other shapes.
    served_version: Mapped[str] = mapped_column(default="")
    served_at: Mapped[datetime | None]
