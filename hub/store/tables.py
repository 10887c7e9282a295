"""The tables of the hub's own database. Migrations make them; a test compares both."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from hub.store.columns import Exact, Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row for each reference ever seen. References of one real thing share `group_id`; one alone in
# its group is unmatched. Rules and imports leave a separated one alone: an operator took it out.
cross_reference = Table(
    "cross_reference",
    metadata,
    Column("noun", String(40), primary_key=True),
    Column("system", String(80), primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("group_id", String(32), nullable=False, index=True),
    Column("origin", String(20), nullable=False),  # operator, import, rule or seen
    Column("is_separated", Boolean, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

# What other processes poll to learn that something changed: one row a name.
change_counter = Table(
    "change_counter",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# The end of each chain; a chain that lost its last rows no longer fits it.
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("chain", String(120), primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("head", String(64), nullable=False),
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("chain", String(120), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(80), nullable=False),
    Column("subject", String(500), nullable=False),
    Column("reason", Text, nullable=True),
    Column("correlation_id", String(64), nullable=True),
    Column("idempotency_key", String(200), nullable=True),
    Column("request_hash", String(64), nullable=True),
    Column("values_hash", String(64), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("actor", "action", "idempotency_key"),
    Index(None, "subject"),
    Index(None, "at", "chain", "position"),  # the order in which auditors read
    Index(None, "correlation_id"),
)

# Before and after of an audited act, apart, so that they can be erased without breaking the chain;
# the salt keeps a short value from being guessed from the hash that stays.
audit_values = Table(
    "audit_values",
    metadata,
    Column("chain", String(120), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", String(32), nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    ForeignKeyConstraint(
        ["chain", "position"], ["audit_entry.chain", "audit_entry.position"], ondelete="CASCADE"
    ),
)

# The last sequence given to an order's entries; the row is locked while more are given.
timeline_order = Table(
    "timeline_order",
    metadata,
    Column("order_system", String(80), primary_key=True),
    Column("order_key", String(400), primary_key=True),
    Column("last_sequence", BigInteger, nullable=False),
)

timeline_entry = Table(
    "timeline_entry",
    metadata,
    Column("order_system", String(80), primary_key=True),
    Column("order_key", String(400), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("natural_key", String(500), nullable=False),
    Column("category", String(20), nullable=False),
    Column("type", String(80), nullable=False),
    Column("title", Text, nullable=False),
    Column("system", String(80), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("observed_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("visibility", String(20), nullable=False),
    Column("message", Text, nullable=True),
    Column("source_sequence", BigInteger, nullable=False),
    Column("causal_rank", Integer, nullable=False),
    Column("actor_type", String(20), nullable=False),
    Column("actor", String(200), nullable=True),
    Column("subject_noun", String(40), nullable=True),
    Column("subject_system", String(80), nullable=True),
    Column("subject_key", String(400), nullable=True),
    Column("change_from", Text, nullable=True),
    Column("change_to", Text, nullable=True),
    Column("quantity", Exact, nullable=True),
    Column("uom", String(10), nullable=True),
    Column("amount", Exact, nullable=True),
    Column("currency", String(3), nullable=True),
    Column("correlation_id", String(64), nullable=True),
    Column("causation_id", String(120), nullable=True),
    Column("is_late", Boolean, nullable=False),
    Column("is_clock_suspect", Boolean, nullable=False),
    Column("duplicate_count", Integer, nullable=False),
    UniqueConstraint("order_system", "order_key", "natural_key"),
    Index(None, "correlation_id"),
)

# What events have told of a record, so that an older event never moves it back.
entity_state = Table(
    "entity_state",
    metadata,
    Column("noun", String(40), primary_key=True),
    Column("system", String(80), primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("statuses", Text, nullable=False),  # a JSON object: canonical field to canonical status
    Column(
        "content", String(32), nullable=False, server_default=""
    ),  # a hash of what the record said
    Column("as_of", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

# How often in an hour a client ran an operation of a document (coordinate empty), or gave a
# coordinate in its variables. What an operation selects by itself is in `usage_coordinate`, once.
usage_count = Table(
    "usage_count",
    metadata,
    Column("hour", Instant, primary_key=True),
    Column("client", String(80), primary_key=True),
    Column("version", String(40), primary_key=True),
    Column("document", String(64), primary_key=True, index=True),
    Column("operation", String(120), primary_key=True),
    Column("coordinate", String(200), primary_key=True),
    Column("is_trusted", Boolean, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
)

# The text of a document by its hash, literal strings blanked; null where it was too long to keep.
usage_document = Table(
    "usage_document",
    metadata,
    Column("document", String(64), primary_key=True),
    Column("text", Text, nullable=True),
)

usage_coordinate = Table(
    "usage_coordinate",
    metadata,
    Column("document", String(64), primary_key=True),
    Column("operation", String(120), primary_key=True),
    Column("coordinate", String(200), primary_key=True, index=True),
)

# Tokens that are refused until an instant: one by its `jti`, or all of a `sub`.
revocation = Table(
    "revocation",
    metadata,
    Column("claim", String(3), primary_key=True),  # jti or sub
    Column("value", String(200), primary_key=True),
    Column("until", Instant, nullable=False),
    Column("revoked_at", Instant, nullable=False),
)

# How often a principal was refused, or read what is masked for others, in a minute.
refusal_count = Table(
    "refusal_count",
    metadata,
    Column("minute", Instant, primary_key=True),
    Column("principal", String(200), primary_key=True),
    Column("code", String(120), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

# A number that the database gives; SQLite numbers only INTEGER keys by itself.
_Numbered = BigInteger().with_variant(Integer(), "sqlite")

# What was told and is not to be believed twice: a message by its id, a fact by its natural key.
inbox = Table(
    "inbox",
    metadata,
    Column("system", String(80), primary_key=True),
    Column("kind", String(4), primary_key=True),  # id or fact
    Column("value", String(600), primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("kept_until", Instant, nullable=False, index=True),
    Column("duplicates", Integer, nullable=False),
)

# Messages of webhooks that were acknowledged and are not yet taken in.
inbound = Table(
    "inbound",
    metadata,
    Column("id", _Numbered, primary_key=True, autoincrement=True),
    Column("system", String(80), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("is_signed", Boolean, nullable=False),
    Column("traceparent", String(60), nullable=True),
    Column("received_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Instant, nullable=False, index=True),
)

# Canonical events, written with what they tell of. One process at a time gives `position`, gap-free
# and in the order everybody sees; NATS only carries what stands here.
event_log = Table(
    "event_log",
    metadata,
    Column("id", _Numbered, primary_key=True, autoincrement=True),
    Column("position", BigInteger, nullable=True, unique=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("noun", String(40), nullable=False),
    Column("change", String(40), nullable=False),
    Column("system", String(80), nullable=False),
    Column("key", String(400), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("recorded_at", Instant, nullable=False, index=True),
    Column("published_at", Instant, nullable=True),
    Index(None, "published_at", "position"),
)

# The last position given and the life of this log: a position of another life means nothing.
event_head = Table(
    "event_head",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("epoch", String(32), nullable=False),
    Column("last_position", BigInteger, nullable=False),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("system", String(80), nullable=False),
    Column("via", String(10), nullable=False),
    Column("subject", String(500), nullable=True),
    Column("event_id", String(400), nullable=True),
    Column("code", String(80), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("is_trusted", Boolean, nullable=False),
    Column("traceparent", String(60), nullable=True),
    Column("tries", Integer, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("parked_at", Instant, nullable=False),
    Column("state", String(10), nullable=False),  # PARKED, REPLAYED or DROPPED
    Column("ended_at", Instant, nullable=True),
    Column("ended_by", String(200), nullable=True),
    Index(None, "state", "parked_at"),
)

# Who alone may do a thing now; `fence` grows with each new holder.
lease = Table(
    "lease",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("holder", String(120), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until", Instant, nullable=False),
)

# How far a system's entity was polled for changes.
feed_cursor = Table(
    "feed_cursor",
    metadata,
    Column("system", String(80), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("cursor", Text, nullable=True),  # JSON; null is the beginning
    Column("mode", String(10), nullable=False),  # BACKFILL or FOLLOW
    Column("rows", BigInteger, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

# What is to be told outside: one row for each event and declared delivery, however often it is
# told again.
delivery = Table(
    "delivery",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("order_system", String(80), nullable=True),
    Column("order_key", String(400), nullable=True),
    Column("payload", LargeBinary, nullable=False),
    Column("traceparent", String(60), nullable=True),
    Column("state", String(10), nullable=False),  # PENDING, SENT or DEAD
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("code", String(80), nullable=True),
    Column("reason", Text, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    UniqueConstraint("event_id", "name"),
    Index(None, "state", "next_at"),
)

# Random keys that all processes share: what signs a cursor.
hub_secret = Table(
    "hub_secret",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(128), nullable=False),
)

# What somebody wanted done, once for each key; `number` orders the commands of an aggregate. An
# outcome that is not known is looked up; before `settles_at` it does not count as absent.
command = Table(
    "command",
    metadata,
    Column("number", _Numbered, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),  # our reference at the system, too
    Column("actor", String(200), nullable=False),
    Column("mutation", String(80), nullable=False),
    Column("key", String(128), nullable=False),
    Column("payload_hash", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("aggregate", String(600), nullable=False),
    Column("command", String(200), nullable=True),
    Column("system", String(80), nullable=True),
    Column("inputs", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("order_system", String(80), nullable=True),
    Column("order_key", String(400), nullable=True),
    Column("correlation_id", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("step", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("is_doubtful", Boolean, nullable=False),  # one that was sent may have been done
    Column("settles_at", Instant, nullable=True),
    Column("due_at", Instant, nullable=True),
    Column("errors", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("accepted_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    UniqueConstraint("actor", "mutation", "key"),
    Index(None, "aggregate", "number"),
    Index(None, "status", "number"),
    Index(None, "order_system", "order_key"),
    Index(None, "correlation_id"),
)

# Who alone carries out an aggregate's first open command now, and when that wants to be looked at.
command_aggregate = Table(
    "command_aggregate",
    metadata,
    Column("aggregate", String(600), primary_key=True),
    Column("system", String(80), nullable=True),
    Column("due_at", Instant, nullable=True, index=True),
    Column("holder", String(120), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until", Instant, nullable=False),
)
