"""From a spec to what the engine is asked for: pure, so that a test can compare it whole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from deployer.model import Health, Spec
from deployer.noun import encode
from deployer_docker.place import FINGERPRINT, RELEASE, ROLE, SPEC, Place
from deployer_engine.vault import MOUNT

NANO = 1_000_000_000


def application(place: Place, release: str, spec: Spec, secrets: Mapping[str, str]) -> Any:
    """The body of `POST /containers/create` for a revision. `secrets` only where they are to be
    environment variables. It restarts once while it is a candidate: see `settle`."""
    labels = {ROLE: "app", FINGERPRINT: spec.fingerprint, SPEC: encode(spec).decode()}
    body = _common(place, release, spec, secrets, labels)
    body["Healthcheck"] = _health(spec.health)
    body["HostConfig"]["RestartPolicy"] = {"Name": "on-failure", "MaximumRetryCount": 1}
    return body


def task(
    place: Place, release: str, spec: Spec, command: tuple[str, ...], secrets: Mapping[str, str]
) -> Any:
    """The body for the one-off container of a release command."""
    body = _common(place, release, spec, secrets, {ROLE: "task"})
    body["Cmd"] = list(command)
    body["Healthcheck"] = {"Test": ["NONE"]}
    body["HostConfig"]["RestartPolicy"] = {"Name": "no"}
    return body


def _common(
    place: Place,
    release: str,
    spec: Spec,
    secrets: Mapping[str, str],
    labels: Mapping[str, str],
) -> dict[str, Any]:
    variables = {**_given(place, spec), **spec.env, **secrets}
    body: dict[str, Any] = {
        "Image": spec.image.reference,
        "Env": [f"{key}={value}" for key, value in variables.items()],
        "Labels": {**place.labels, RELEASE: release, **labels},
        "StopTimeout": math.ceil(spec.stop_grace),
        "HostConfig": _host(place, release, spec),
        "NetworkingConfig": {"EndpointsConfig": {place.network: {}}},
    }
    if spec.command:
        body["Cmd"] = list(spec.command)
    return body


def _given(place: Place, spec: Spec) -> dict[str, str]:
    port = {"PORT": str(spec.port)} if spec.port else {}
    if place.options.secrets_as == "env":
        return port
    return {**port, **{f"{name}_FILE": f"{MOUNT}/{name}" for name in spec.secrets}}


def _host(place: Place, release: str, spec: Spec) -> dict[str, Any]:
    logs = place.options.logs
    volumes = [f"{place.volume(name)}:{path}" for name, path in spec.volumes.items()]
    files = place.options.secrets_as == "file" and spec.secrets
    return {
        "Binds": [*volumes, *([place.vault.mount(release)] if files else [])],
        "Memory": int(spec.resources.memory or 0),
        "NanoCpus": int((spec.resources.cpu or 0) * NANO),
        "Init": True,
        "LogConfig": {
            "Type": "json-file",
            "Config": {"max-size": str(int(logs.max_size)), "max-file": str(logs.max_files)},
        },
    }


def _health(health: Health) -> dict[str, Any]:
    """The image's own check where the configuration has no command; the pace is always ours."""
    return {
        "Test": ["CMD", *health.command] if health.command else [],
        "Interval": int(health.interval * NANO),
        "Timeout": int(health.timeout * NANO),
        "Retries": health.retries,
        "StartPeriod": int(health.start_period * NANO),
    }
