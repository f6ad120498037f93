"""What changes between two specs, in lines a person reads. Values of secrets never appear."""

from __future__ import annotations

from deployer.model import Spec


def differences(old: Spec | None, new: Spec) -> tuple[str, ...]:
    """One line a changed field, `+ ~ -` as terraform has them."""
    was, now = _flat(old), _flat(new)
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
        "command": " ".join(spec.command or ()),
        "health": str(spec.health.path or " ".join(spec.health.command or ())),
        "cpu": str(spec.resources.cpu or ""),
        "memory": str(spec.resources.memory or ""),
    }
    env = {f"env.{k}": v for k, v in spec.env.items()}
    volumes = {f"volumes.{k}": v for k, v in spec.volumes.items()}
    secrets = {
        f"secrets.{k}": f"(secret {v.ref}, {v.fingerprint})" for k, v in spec.secrets.items()
    }
    options = {f"options.{k}": str(v) for k, v in spec.options.items()}
    everything = {**plain, **env, **volumes, **secrets, **options}
    return {key: value for key, value in everything.items() if value}


def _line(key: str, was: str | None, now: str | None) -> str:
    if key.startswith("secrets."):
        was, now = was and "(secret)", now and "(secret, changed)" if was else "(secret)"
    if was is None:
        return f"+ {key}: {now}"
    if now is None:
        return f"- {key}: {was}"
    return f"~ {key}: {was} -> {now}"
