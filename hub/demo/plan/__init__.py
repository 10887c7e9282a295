"""The invented company's year, from which every demo system writes its own native share."""

from hub.demo.plan.build import build_plan
from hub.demo.plan.records import Plan
from hub.demo.plan.when import REFERENCE_AT

__all__ = ["REFERENCE_AT", "Plan", "build_plan"]
