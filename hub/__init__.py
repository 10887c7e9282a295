"""The hub: our own words. Commands, reads, workflows, events and what they stand on."""
