"""The CRM: REST, accounts with numbers of their own, cases with public and internal messages."""

from hub.demo.crm.api import DIALECT, routes
from hub.demo.crm.life import LIFE, VOICE
from hub.demo.crm.seed import SCHEMA, seed
from hub.demo.system import ForeignSystem

CRM = ForeignSystem("crm", "rest", SCHEMA, seed, DIALECT, routes, LIFE, VOICE)
