"""Access: revoked tokens, counted refusals, and the order in which auditors read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revocation",
        sa.Column("claim", sa.String(length=3), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("claim", "value", name="pk_revocation"),
    )
    op.create_table(
        "refusal_count",
        sa.Column("minute", Instant(), nullable=False),
        sa.Column("principal", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=120), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "principal", "code", name="pk_refusal_count"),
    )
    op.create_index("ix_audit_entry_at_chain_position", "audit_entry", ["at", "chain", "position"])
    op.create_index("ix_audit_entry_correlation_id", "audit_entry", ["correlation_id"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup: going back would let revoked tokens in again")
