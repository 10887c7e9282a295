"""Alembic's scripts, shipped in the wheel. Versions only add, and sort by their text."""
