"""`deployer.yaml` + environment -> what should run where, or every mistake with its line."""

from deployer.config.loading import FILE, choose, find, load, resolve, setting
from deployer.config.lookup import Fixed, Installed, Lookup, typed
from deployer.config.placements import App, EnvironmentRules, Placement

__all__ = [
    "FILE",
    "App",
    "EnvironmentRules",
    "Fixed",
    "Installed",
    "Lookup",
    "Placement",
    "choose",
    "find",
    "load",
    "resolve",
    "setting",
    "typed",
]
