"""Usage: which client runs which document, how often, and which coordinates of the schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.columns import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage_count",
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=120), nullable=False),
        sa.Column("coordinate", sa.String(length=200), nullable=False),
        sa.Column("is_trusted", sa.Boolean(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", Instant(), nullable=False),
        sa.Column("last_seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hour",
            "client",
            "version",
            "document",
            "operation",
            "coordinate",
            "is_trusted",
            name="pk_usage_count",
        ),
    )
    op.create_index("ix_usage_count_document", "usage_count", ["document"], unique=False)
    op.create_table(
        "usage_document",
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("document", name="pk_usage_document"),
    )
    op.create_table(
        "usage_coordinate",
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=120), nullable=False),
        sa.Column("coordinate", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("document", "operation", "coordinate", name="pk_usage_coordinate"),
    )
    op.create_index("ix_usage_coordinate_coordinate", "usage_coordinate", ["coordinate"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup: going back would drop what was counted")
