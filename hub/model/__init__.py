"""The canonical nouns, their states and their values: only our own words, no input or output."""
