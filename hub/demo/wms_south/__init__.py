"""The southern warehouse: REST, basic authentication, number codes, Chicago time, cursors."""

from hub.demo.system import ForeignSystem
from hub.demo.wms_south.api import DIALECT, routes
from hub.demo.wms_south.life import LIFE
from hub.demo.wms_south.seed import SCHEMA, seed

WMS_SOUTH = ForeignSystem("wms-south", "rest", SCHEMA, seed, DIALECT, routes, LIFE)
