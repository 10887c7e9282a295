"""The first tables: cross references, audit, timeline entries, entity states."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.columns import Exact, Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_references()
    _create_audit()
    _create_timeline()
    _create_entity_state()


def downgrade() -> None:
    raise NotImplementedError("restore a backup: going back would drop what was acknowledged")


def _create_references() -> None:
    op.create_table(
        "cross_reference",
        sa.Column("noun", sa.String(length=40), nullable=False),
        sa.Column("system", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("is_separated", sa.Boolean(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("noun", "system", "key", name="pk_cross_reference"),
    )
    op.create_index("ix_cross_reference_group_id", "cross_reference", ["group_id"], unique=False)
    op.create_table(
        "change_counter",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_change_counter"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("chain", sa.String(length=120), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_chain"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("chain", sa.String(length=120), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("request_hash", sa.String(length=64), nullable=True),
        sa.Column("values_hash", sa.String(length=64), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain", "position", name="pk_audit_entry"),
        sa.UniqueConstraint(
            "actor", "action", "idempotency_key", name="uq_audit_entry_actor_action_idempotency_key"
        ),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject"], unique=False)
    op.create_table(
        "audit_values",
        sa.Column("chain", sa.String(length=120), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chain", "position"],
            ["audit_entry.chain", "audit_entry.position"],
            name="fk_audit_values_chain_position",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("chain", "position", name="pk_audit_values"),
    )


def _create_timeline() -> None:
    op.create_table(
        "timeline_order",
        sa.Column("order_system", sa.String(length=80), nullable=False),
        sa.Column("order_key", sa.String(length=400), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_system", "order_key", name="pk_timeline_order"),
    )
    op.create_table(
        "timeline_entry",
        sa.Column("order_system", sa.String(length=80), nullable=False),
        sa.Column("order_key", sa.String(length=400), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("natural_key", sa.String(length=500), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("system", sa.String(length=80), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("visibility", sa.String(length=20), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("source_sequence", sa.BigInteger(), nullable=False),
        sa.Column("causal_rank", sa.Integer(), nullable=False),
        sa.Column("actor_type", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=True),
        sa.Column("subject_noun", sa.String(length=40), nullable=True),
        sa.Column("subject_system", sa.String(length=80), nullable=True),
        sa.Column("subject_key", sa.String(length=400), nullable=True),
        sa.Column("change_from", sa.Text(), nullable=True),
        sa.Column("change_to", sa.Text(), nullable=True),
        sa.Column("quantity", Exact(), nullable=True),
        sa.Column("uom", sa.String(length=10), nullable=True),
        sa.Column("amount", Exact(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=True),
        sa.Column("causation_id", sa.String(length=120), nullable=True),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("is_clock_suspect", sa.Boolean(), nullable=False),
        sa.Column("duplicate_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("order_system", "order_key", "sequence", name="pk_timeline_entry"),
        sa.UniqueConstraint(
            "order_system",
            "order_key",
            "natural_key",
            name="uq_timeline_entry_order_system_order_key_natural_key",
        ),
    )
    op.create_index(
        "ix_timeline_entry_correlation_id", "timeline_entry", ["correlation_id"], unique=False
    )


def _create_entity_state() -> None:
    op.create_table(
        "entity_state",
        sa.Column("noun", sa.String(length=40), nullable=False),
        sa.Column("system", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("statuses", sa.Text(), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("noun", "system", "key", name="pk_entity_state"),
    )
