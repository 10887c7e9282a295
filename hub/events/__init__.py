"""Messages: the broker, subjects, streams, inbox and outbox."""
