"""Parcel carriers behind one tracking API: many scans, zoneless UTC, recycled numbers, webhooks."""

from hub.demo.carrier.api import DIALECT, routes
from hub.demo.carrier.life import LIFE, VOICE
from hub.demo.carrier.seed import SCHEMA, seed
from hub.demo.system import ForeignSystem

CARRIER = ForeignSystem("carrier", "rest", SCHEMA, seed, DIALECT, routes, LIFE, VOICE)
