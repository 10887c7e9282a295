"""Who asks, and what they may see. Tokens become a principal, a principal becomes a scope."""
