"""The breadth-first executor: each field of an operation is resolved once for all its parents."""
