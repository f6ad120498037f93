"""What changes between two specs, in lines a person reads. Values of secrets never appear."""

from __future__ import annotations

import shlex

from deployer.model import Spec
from deployer.noun import encode


def differences(old: Spec | None, new: Spec) -> tuple[str, ...]:
    """One line a changed field, `+ ~ -` as terraform has them; defaults of a first one are not."""
    was, now = _flat(old), _flat(new)
    if old is None:
        usual = _flat(Spec(scope=new.scope, image=new.image))
        now = {k: v for k, v in now.items() if k == "image" or usual.get(k) != v}
    lines = []
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key):
            lines.append(_line(key, was.get(key), now.get(key)))
    return tuple(lines)


def _flat(spec: Spec | None) -> dict[str, str]:
    if spec is None:
        return {}
    plain = {
        "image": spec.image.reference,
        "port": str(spec.port or ""),
        "command": shlex.join(spec.command or ()),
        "health": str(spec.health.path or shlex.join(spec.health.command or ())),
        "cpu": str(spec.resources.cpu or ""),
        "memory": str(spec.resources.memory or ""),
        "scale": f"{spec.scale.min} to {spec.scale.max}",
        "stop_grace": str(spec.stop_grace),
    }
    told = {key: value for key, value in plain.items() if value}
    checks = ("interval", "timeout", "retries", "start_period")
    health = {f"health.{name}": str(getattr(spec.health, name)) for name in checks}
    env = {f"env.{k}": v for k, v in spec.env.items()}
    volumes = {f"volumes.{k}": v for k, v in spec.volumes.items()}
    secrets = {f"secrets.{k}": encode(v).decode() for k, v in spec.secrets.items()}
    options = {f"options.{k}": str(v) for k, v in spec.options.items()}
    return {**told, **health, **env, **volumes, **secrets, **options}


def _line(key: str, was: str | None, now: str | None) -> str:
    if key.startswith("secrets."):
        was, now = was and "(secret)", now and "(secret, changed)" if was else "(secret)"
    if was is None:
        return f"+ {key}: {now}"
    if now is None:
        return f"- {key}: {was}"
    return f"~ {key}: {was} -> {now}"
