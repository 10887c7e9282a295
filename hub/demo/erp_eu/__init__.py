"""The European ERP: short column names, numeric status codes, wall-clock dates of Berlin."""

from hub.demo.erp_eu.api import DIALECT, routes
from hub.demo.erp_eu.life import LIFE
from hub.demo.erp_eu.schema import SCHEMA
from hub.demo.erp_eu.seed import seed
from hub.demo.system import ForeignSystem

ERP_EU = ForeignSystem("erp-eu", "sql", SCHEMA, seed, DIALECT, routes, LIFE)
