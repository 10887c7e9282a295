"""Commands: the ledger, and who carries out the commands of an aggregate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.columns import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NUMBERED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_ledger()
    _index_ledger()
    op.create_table(
        "command_aggregate",
        sa.Column("aggregate", sa.String(length=600), nullable=False),
        sa.Column("system", sa.String(length=80), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("holder", sa.String(length=120), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("aggregate", name="pk_command_aggregate"),
    )
    op.create_index("ix_command_aggregate_due_at", "command_aggregate", ["due_at"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore a backup: going back would drop what was acknowledged")


def _create_ledger() -> None:
    op.create_table(
        "command",
        sa.Column("number", _NUMBERED, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("mutation", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("payload_hash", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("aggregate", sa.String(length=600), nullable=False),
        sa.Column("command", sa.String(length=200), nullable=True),
        sa.Column("system", sa.String(length=80), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("order_system", sa.String(length=80), nullable=True),
        sa.Column("order_key", sa.String(length=400), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("is_doubtful", sa.Boolean(), nullable=False),
        sa.Column("settles_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("errors", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_command"),
        sa.UniqueConstraint("id", name="uq_command_id"),
        sa.UniqueConstraint("actor", "mutation", "key", name="uq_command_actor_mutation_key"),
    )


def _index_ledger() -> None:
    for columns in (
        ["aggregate", "number"],
        ["status", "number"],
        ["order_system", "order_key"],
        ["correlation_id"],
    ):
        op.create_index(f"ix_command_{'_'.join(columns)}", "command", columns, unique=False)
