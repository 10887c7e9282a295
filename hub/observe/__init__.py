"""What the hub tells about itself: traces, metrics, logs, health. It never carries a secret."""
