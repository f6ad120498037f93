"""What HAProxy's runtime API answers, as data, and how it differs from what was asked. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from deployer.secret import Secret
from deployer_engine.haproxy import LABELS, Board, label_map

READ_BACK = f"show servers state; show map {LABELS}"
STATISTICS = "show stat -1 4 -1"  # every proxy, servers only

_FORCED_MAINTENANCE = 0x01
_MAP_LINE = re.compile(r"0x[0-9a-f]+ (\S+) (\S+)")


@dataclass(frozen=True)
class Server:
    """One server as HAProxy runs it."""

    host: str
    port: int
    weight: int
    maintenance: bool


@dataclass(frozen=True)
class Live:
    """The running state: servers by `backend/server`, and the label map."""

    servers: dict[str, Server]
    labels: dict[str, str]


@dataclass(frozen=True)
class Activity:
    """What one release does right now: its share, requests under way and waiting, and whether
    its server is up. `requests` counts since the edge started."""

    release: str
    weight: int
    sessions: int
    queued: int
    requests: int
    up: bool


def live(text: str) -> Live:
    """The answer to READ_BACK. Field numbers: HAProxy's management guide, `show servers state`."""
    servers: dict[str, Server] = {}
    labels: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 19 and fields[0].isdigit():
            servers[f"{fields[1]}/{fields[3]}"] = _server(fields)
        elif found := _MAP_LINE.fullmatch(line.strip()):
            labels[found[1]] = found[2]
    return Live(servers, labels)


def differences(found: Live, board: Board, token: Secret) -> list[str]:
    """In words, how what runs differs from `board`. Empty when it is exactly that."""
    said = [*_labels_differ(found, board, token)]
    for place, slot in enumerate(board):
        for name, share in ((f"traffic/s{place}", None), (f"probe{place}/s{place}", 1)):
            server = found.servers.get(name)
            if server is None:
                said.append(f"{name} does not exist")
            elif slot is None:
                said += [] if server.maintenance else [f"{name} should be off"]
            else:
                wanted = slot.share if share is None else share
                said += _server_differs(name, server, slot.host, slot.port, wanted)
    return said


def activity(text: str, board: Board) -> dict[str, Activity]:
    """The answer to STATISTICS, by release. Requests that named the release are included."""
    lines = [line for line in text.splitlines() if line.strip()]
    rows = list(csv.DictReader([line.removeprefix("# ") for line in lines]))
    return {
        slot.release: _activity(slot.release, [r for r in rows if r["svname"] == f"s{place}"])
        for place, slot in enumerate(board)
        if slot
    }


def _server(fields: list[str]) -> Server:
    return Server(
        host=fields[17],
        port=int(fields[18]),
        weight=int(fields[7]),
        maintenance=bool(int(fields[6]) & _FORCED_MAINTENANCE),
    )


def _server_differs(name: str, server: Server, host: str, port: int, weight: int) -> Iterator[str]:
    if (server.host, server.port) != (host, port):
        yield f"{name} points to {server.host}:{server.port}, not to {host}:{port}"
    if server.weight != weight:
        yield f"{name} has weight {server.weight}, not {weight}"
    if server.maintenance:
        yield f"{name} is in maintenance"


def _labels_differ(found: Live, board: Board, token: Secret) -> Iterator[str]:
    for key, value in label_map(board, token).items():
        if found.labels.get(key) != value:
            yield f"the label of {key} is out of date"


def _activity(release: str, rows: list[dict[str, str]]) -> Activity:
    traffic = next((row for row in rows if row["pxname"] == "traffic"), {})
    return Activity(
        release=release,
        weight=_number(traffic.get("weight")),
        sessions=sum(_number(row["scur"]) for row in rows),
        queued=sum(_number(row["qcur"]) for row in rows),
        requests=sum(_number(row["stot"]) for row in rows),
        up=traffic.get("status", "").startswith(("UP", "no check", "DRAIN")),
    )


def _number(text: str | None) -> int:
    return int(text or 0)
