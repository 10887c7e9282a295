"""The American ERP: REST, words as statuses, month-first dates of New York, page numbers."""

from hub.demo.erp_us.api import DIALECT, routes
from hub.demo.erp_us.life import LIFE, VOICE
from hub.demo.erp_us.schema import SCHEMA
from hub.demo.erp_us.seed import seed
from hub.demo.system import ForeignSystem

ERP_US = ForeignSystem("erp-us", "rest", SCHEMA, seed, DIALECT, routes, LIFE, VOICE)
