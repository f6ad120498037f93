"""Who holds a lease, said so exactly that a dead holder on this machine is recognised."""

from __future__ import annotations

import getpass
import os
import platform
import secrets
from pathlib import Path

from deployer.noun import Noun


class Owner(Noun, frozen=True):
    """One process of one machine."""

    name: str  # as mia@laptop
    nonce: str
    pid: int
    machine: str  # boot and process namespace: where `pid` means anything
    started: str  # start time of the process: a reused pid is another process
    run_url: str | None = None


def this_process(run_url: str | None = None) -> Owner:
    """The running process as an owner with a fresh nonce."""
    pid = os.getpid()
    return Owner(
        name=actor(),
        nonce=secrets.token_hex(8),
        pid=pid,
        machine=_machine(),
        started=_started(pid),
        run_url=run_url,
    )


def actor() -> str:
    """`user@host`, never failing for want of a name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{platform.node() or 'unknown'}"


def is_dead(owner: Owner) -> bool:
    """True only where it is sure: same machine, same boot, and that process is gone."""
    if not owner.machine or owner.machine != _machine():
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it exists and is somebody else's, and /proc may hide it from us
        return _started(owner.pid) not in ("", owner.started) and bool(owner.started)
    return bool(owner.started) and _started(owner.pid) != owner.started


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""  # not Linux: nobody is known to be dead, and expiry decides


def _started(pid: int) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A process that waits to be collected is as dead as one that is gone.
    return "" if fields[0] == "Z" else fields[19]
