"""The JSON Schema of the systems file under its former name."""

from hub.config.json_schema import json_schema

__all__ = ["json_schema"]
