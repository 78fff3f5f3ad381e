"""payouts: whom and where to pay, what became of each payout, conversion rates, and notices for the app's back end.

Why: a creator's account is sealed, versioned and held three days after a change; a transfer may fail, come back or stay
unknown; money may leave in another currency than it was earned in, at a rate that somebody entered; a large batch waits
for a second person. Payouts from before have no payee version and went out in their own currency: the defaults say so.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _payees()
    _outcomes()
    _rates()
    _notices()


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _late_text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _payees() -> None:
    op.create_table(
        "payees",
        _text("id"),
        _text("creator_id"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _text("sealed"),
        sa.Column("shown", sa.JSON(), nullable=False),
        _text("account_hash"),
        _moment("proposed_at"),
        _text("proposed_by"),
        _text("code_hash"),
        sa.Column("wrong_codes", sa.BigInteger(), nullable=False),
        _moment("confirmed_at", nullable=True),
        _moment("refused_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payees")),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_payees_creator_id")),
        sa.UniqueConstraint("creator_id", "number", name=op.f("uq_payees_creator_id_number")),
    )
    op.create_index("ix_payees_account_hash", "payees", ["account_hash"])


def _outcomes() -> None:
    for column in (
        _moment("decided_at", nullable=True), _late_text("decided_by"), _late_text("decided_why"),
        _moment("handed_at", nullable=True),
    ):  # fmt: skip
        op.add_column("payout_batches", column)
    for column in (
        _text("payee_id", nullable=True), _late_text("pay_currency"),
        sa.Column("pay_amount", sa.BigInteger(), nullable=False, server_default="0"), _late_text("rate"),
        _late_text("rate_source"), _moment("rate_at", nullable=True), _late_text("rail_ref"),
        _late_text("outcome_reason"), _moment("tried_at", nullable=True),
    ):  # fmt: skip
        op.add_column("payouts", column)
    op.create_index("ix_payouts_status", "payouts", ["status"])
    op.add_column("payouts_set_aside", _moment("until", nullable=True))
    op.create_table(
        "payout_events",
        _text("id"),
        _text("payout_id"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _text("outcome"),
        _text("reason"),
        _text("detail"),
        _text("rail_ref"),
        _moment("occurred_at"),
        _moment("recorded_at"),
        _text("recorded_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_events")),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_events_payout_id")),
        sa.UniqueConstraint("payout_id", "number", name=op.f("uq_payout_events_payout_id_number")),
    )


def _rates() -> None:
    op.create_table(
        "fx_rates",
        _text("id"),
        _text("base"),
        _text("quote"),
        _text("rate"),
        _text("source"),
        _moment("quoted_at"),
        _moment("recorded_at"),
        _text("recorded_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fx_rates")),
        sa.UniqueConstraint("base", "quote", "quoted_at", name=op.f("uq_fx_rates_base_quote_quoted_at")),
    )


def _notices() -> None:
    op.create_table(
        "notices",
        _text("id"),
        _moment("at"),
        _text("kind"),
        _text("creator_id", nullable=True),
        _text("shop_id", nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        _text("secret_sealed", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
