"""The hub's own database: cross references, the audit, recorded timeline entries, entity states."""
