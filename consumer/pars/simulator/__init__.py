"""A PARS that behaves like the real one on a bad day; its books say what was credited."""

from consumer.pars.simulator.activity import Activity
from consumer.pars.simulator.operations import Manners, Policy
from consumer.pars.simulator.roster import Diplomate
from consumer.pars.simulator.server import running, serve
from consumer.pars.simulator.web import (
    STEM,
    Provider,
    Simulator,
    activities_from,
    roster_from,
)

__all__ = [
    "STEM",
    "Activity",
    "Diplomate",
    "Manners",
    "Policy",
    "Provider",
    "Simulator",
    "activities_from",
    "roster_from",
    "running",
    "serve",
]
