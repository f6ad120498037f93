"""A folder -> a commented `deployer.yaml` that says what was found and why."""

from deployer.init.proposing import SCHEMA, propose

__all__ = ["SCHEMA", "propose"]
