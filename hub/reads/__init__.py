"""Reading: record cache, merging batcher, relations, scope, timeline, search, availability."""
