"""Creators, with a dated status."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Creator(Base):
    __tablename__ = "creators"
    __table_args__ = (
        sa.UniqueConstraint("handle"),
        sa.Index("uq_creators_account_ref", "account_ref", unique=True),
        sa.Index("ix_creators_checked_at", "checked_at"),
        sa.Index(
            "ix_creators_held", "id", sqlite_where=sa.text("eligibility = 'held'"),
            postgresql_where=sa.text("eligibility = 'held'"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # crt_…
    handle: Mapped[str]  # canonical: NFKC, case-folded, without @
    name: Mapped[str]
    followers: Mapped[int]  # the newest count, for lists: what stood when is told by `creator_followers`
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]  # handle and name are nobody's since then
    # Of the sign-up; empty of creators whom the app registered before there was one.
    account_ref: Mapped[str | None]  # the app's own, lasting id of the account: handles may change
    born_on: Mapped[date | None] = mapped_column(sa.Date)  # as the app vouches for it
    about: Mapped[str] = mapped_column(default="", server_default="")
    language: Mapped[str] = mapped_column(default="", server_default="")  # `de`, `pt-BR`
    topics: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")  # what they show, in their words
    # The newest decision, for lists and for the round that looks again: what stood when is told by
    # `creator_eligibilities`. "": never decided.
    eligibility: Mapped[str] = mapped_column(default="", server_default="")
    checked_at: Mapped[datetime | None]


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


class CreatorFollowers(Base):
    """How many follow a creator, from a moment on, and who said so. Never edited, never backdated."""

    __tablename__ = "creator_followers"
    __table_args__ = (sa.Index("ix_creator_followers_creator_id_starts_at", "creator_id", "starts_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # fol_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    network: Mapped[str]  # "": all together
    count: Mapped[int]
    starts_at: Mapped[datetime]
    recorded_at: Mapped[datetime]  # wall time
    said_by: Mapped[str]  # app:<token>, staff:<name>, migration:0017: who vouches for it


class Payee(Base):
    """Where a creator's money goes, version by version. The details are sealed and never edited; only stamps are added.

    A version is announced when it is made, confirmed by the creator with the code of that announcement, and in force
    three days after (`payees.HOLD`). Until then payouts of the creator wait.
    """

    __tablename__ = "payees"
    __table_args__ = (sa.UniqueConstraint("creator_id", "number"), sa.Index("ix_payees_account_hash", "account_hash"))

    id: Mapped[str] = mapped_column(primary_key=True)  # pye_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    number: Mapped[int]  # 1, 2, 3 … within the creator
    sealed: Mapped[str]  # the details as JSON
    shown: Mapped[dict[str, Any]]  # what people may see of them, masked: {"bank": "ending 4417", …}
    account_hash: Mapped[str]  # keyed; "" without a bank account. Equal: two creators are paid to one account
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[str]
    code_hash: Mapped[str]  # keyed, of the announcement's code
    wrong_codes: Mapped[int] = mapped_column(default=0)
    confirmed_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]


class CreatorCountry(Base):
    """Where a creator is, from a moment on (D16). Never edited, never backdated."""

    __tablename__ = "creator_countries"
    __table_args__ = (sa.Index("ix_creator_countries_creator_id_starts_at", "creator_id", "starts_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # cct_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    country: Mapped[str]  # ISO 3166, two letters
    starts_at: Mapped[datetime]


class CountrySwitch(Base):
    """The programme is off in a country, or on again, from a moment on. Never edited, never backdated."""

    __tablename__ = "country_switches"

    id: Mapped[str] = mapped_column(primary_key=True)  # csw_…
    country: Mapped[str]
    is_on: Mapped[bool]
    why: Mapped[str]
    starts_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class CreatorIdentity(Base):
    """A keyed hash of what a creator buys by, to know an own purchase (D17). The address itself is never stored."""

    __tablename__ = "creator_identities"
    __table_args__ = (
        sa.UniqueConstraint("creator_id", "kind", "hash"),
        sa.Index("ix_creator_identities_hash", "hash"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # cid_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    kind: Mapped[str]  # email | mailbox | phone | customer
    hash: Mapped[str]
    starts_at: Mapped[datetime]  # orders placed from then on are compared


class CreatorHandle(Base):
    """A handle on a network, and whose it is or was. It never becomes another creator's.

    Of the app itself (`networks.APP`) only the handles of those who signed up are here; a handle that was given up and
    taken again by the same creator counts again.
    """

    __tablename__ = "creator_handles"
    __table_args__ = (
        sa.UniqueConstraint("network", "handle"),
        sa.Index("ix_creator_handles_creator_id", "creator_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # hdl_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    network: Mapped[str]
    handle: Mapped[str]  # canonical
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]  # given up
    said_by: Mapped[str]


class CreatorAudience(Base):
    """Who watches a creator, from a moment on, as the app says it: shares in basis points. Never edited."""

    __tablename__ = "creator_audiences"
    __table_args__ = (sa.Index("ix_creator_audiences_creator_id_starts_at", "creator_id", "starts_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # aud_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    facts: Mapped[dict[str, Any]]  # {"countries": {"DE": 6000, …}, "ages": {"18-24": 2500, …}, "genders": {…}}
    starts_at: Mapped[datetime]
    said_by: Mapped[str]


class CreatorEligibility(Base):
    """A decision whether a creator may take part, by which version of the policy. Never edited."""

    __tablename__ = "creator_eligibilities"
    __table_args__ = (
        sa.Index("ix_creator_eligibilities_creator_id_decided_at", "creator_id", "decided_at"),
        # Few: what was told and isn't believed, for support's queue.
        sa.Index(
            "ix_creator_eligibilities_flagged", "decided_at", "id", sqlite_where=sa.text("believed <> followers"),
            postgresql_where=sa.text("believed <> followers"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # eld_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    occasion: Mapped[str]  # sign_up | facts | recheck | staff
    outcome: Mapped[str]  # accepted | held | refused
    reason: Mapped[str]  # a code, "" when accepted
    policy_id: Mapped[str]
    policy_version: Mapped[int]
    followers: Mapped[int]  # as they were said
    believed: Mapped[int]  # as they count: a jump isn't believed at once
    flags: Mapped[list[Any]]
    pilot_until: Mapped[datetime | None]
    decided_at: Mapped[datetime]
    decided_by: Mapped[str]
