"""The pages and probes beside GraphQL: the first screen, liveness, readiness, metrics."""
