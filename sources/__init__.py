"""Foreign systems: protocols, and how a native value becomes a canonical one."""
