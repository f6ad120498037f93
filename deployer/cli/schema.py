"""deployer schema."""

from __future__ import annotations

from deployer.cli.common import Output, command
from deployer.cli.console import console
from deployer.render.json_ import dump


@command
def run(output: Output) -> int:
    """Print the JSON Schema of deployer.yaml, for editors and for checks in CI."""
    from deployer.config import Installed
    from deployer.config.jsonschema import json_schema

    to = console("schema", output)
    schema = json_schema(Installed())
    if to.mode == "text":
        to.out.raw(dump(schema, indent=2) + "\n")
    return to.done(schema=schema)
