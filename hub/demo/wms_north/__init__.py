"""The northern warehouse: REST, an API key, letter codes, nested lines and scans, next links."""

from hub.demo.system import ForeignSystem
from hub.demo.wms_north.api import DIALECT, routes
from hub.demo.wms_north.life import LIFE, VOICE
from hub.demo.wms_north.seed import SCHEMA, seed

WMS_NORTH = ForeignSystem("wms-north", "rest", SCHEMA, seed, DIALECT, routes, LIFE, VOICE)
