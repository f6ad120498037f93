"""HAProxy as text: the configuration of a desired state, and the commands that reach it live.

Pure. Eight places are rendered whether they are used or not, because HAProxy resolves names at
run time only for servers that had one at its start (`set server … fqdn`, management guide 9.3).
A place is two servers: one in the backend `traffic`, by weight; one alone in its own backend,
for requests that name the release. A probe so never reaches another release by redispatch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from string import Template

from deployer.errors import ConfigError
from deployer.secret import Secret

PLACES = 8
LISTEN = 8080  # inside the container; published elsewhere
CONTROL = 7777  # the runtime API, on the container's own loopback
FOLDER = "/edge"
CURRENT = f"{FOLDER}/current"
LABELS = f"{CURRENT}/labels.map"
NOBODY = "deployer-edge"  # the edge's own alias: a name that always resolves, for empty places
ANSWER_HEADER = "Deployer-Release"
PROBE_HEADER = "Deployer-Probe"

_STATE = "# state: "
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True)
class Slot:
    """One release behind the edge: its container's name and port, and its share of traffic.

    `weight` is 0 to 100, relative to the other slots'. `drain` keeps the weight on record but
    gives the slot no new requests.
    """

    release: str
    host: str
    port: int
    weight: int = 0
    drain: bool = False

    def __post_init__(self) -> None:
        for label, value in (("release", self.release), ("host", self.host)):
            if not _NAME.fullmatch(value):
                raise ConfigError(f"{value!r} is no {label} name", fix="letters, digits, - _ .")
        if not 1 <= self.port <= 65535:
            raise ConfigError(f"{self.port} is no port", fix="1 to 65535")
        if not 0 <= self.weight <= 100:
            raise ConfigError(f"{self.weight} is no weight", fix="0 to 100")

    @property
    def share(self) -> int:
        """The weight that HAProxy gets."""
        return 0 if self.drain else self.weight


@dataclass(frozen=True)
class EdgeState:
    """What an edge should do: at most eight slots, one per release, and the probe token."""

    slots: tuple[Slot, ...] = ()
    token: Secret = field(default_factory=lambda: new_token())

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token.reveal()):
            raise ConfigError("the probe token is unusable", fix="16 to 128 of A-Z a-z 0-9 _ -")
        if len({slot.release for slot in self.slots}) != len(self.slots):
            raise ConfigError("one release stands in two slots of the edge")
        if len(self.slots) > PLACES:
            fix = "remove the slots of releases that no longer serve"
            raise ConfigError(f"the edge holds at most {PLACES} releases", fix=fix)

    def slot(self, release: str) -> Slot | None:
        """The slot of `release`, or None."""
        return next((slot for slot in self.slots if slot.release == release), None)


Board = tuple[Slot | None, ...]  # the slots by place; a slot never moves while it stays
EMPTY: Board = (None,) * PLACES


def new_token() -> Secret:
    """A fresh probe token."""
    import secrets

    return Secret(secrets.token_urlsafe(24))


def placed(slots: Sequence[Slot], before: Board = EMPTY) -> Board:
    """`slots` on a board: those known stay where they are, new ones go where nobody was.

    A place just given up is reused only when nothing else is free, because requests of the
    release that leaves may still be running there and would be counted for the newcomer.
    """
    target = {_identity(slot): slot for slot in slots}
    board = [target.pop(_identity(old), None) if old else None for old in before]
    free = [i for i, old in enumerate(before) if old is None]
    free += [i for i, old in enumerate(before) if old is not None and board[i] is None]
    for place, slot in zip(free, target.values(), strict=False):
        board[place] = slot
    return tuple(board)


def config(state: EdgeState, before: Board = EMPTY) -> str:
    """haproxy.cfg for `state`. `before` is the board it follows, so that slots keep places."""
    board = placed(state.slots, before)
    servers = "\n".join(
        f"  server s{i} {_server(slot, slot.share if slot else 0)}" for i, slot in enumerate(board)
    )
    probes = "\n".join(_probe_backend(i, slot) for i, slot in enumerate(board))
    routes = "\n".join(_route(i) for i in range(PLACES))
    template = Template(files(__package__).joinpath("haproxy.cfg").read_text())
    return template.substitute(
        state=_STATE + _encode(state, board), servers=servers, probes=probes, routes=routes,
        labels=LABELS, listen=LISTEN, control=CONTROL, probe=PROBE_HEADER, answer=ANSWER_HEADER,
        text="content-type text/plain string",
    )  # fmt: skip


def parse(text: str) -> tuple[EdgeState, Board]:
    """The state that `config` rendered into `text`, and its board. Raises ConfigError."""
    try:
        line = next(line for line in text.splitlines() if line.startswith(_STATE))
        value = json.loads(line.removeprefix(_STATE))
        board = tuple(Slot(**slot) if slot else None for slot in value["board"])
        token = Secret(value["token"])
    except (StopIteration, KeyError, ValueError, TypeError) as error:
        raise ConfigError("the edge's configuration was not written by deployer") from error
    return EdgeState(tuple(slot for slot in board if slot), token), board


def written(folder: str, state: EdgeState, before: Board = EMPTY) -> dict[str, bytes | Path]:
    """The files that make an edge start as `state`, to be put below `folder`."""
    board = placed(state.slots, before)
    return {
        f"{folder}/haproxy.cfg": config(state, before).encode(),
        f"{folder}/labels.map": labels(board, state.token).encode(),
    }


def labels(board: Board, token: Secret) -> str:
    """The map from server name to release, as a file. The token is in it because a map can be
    changed at run time, and a configuration cannot."""
    return "".join(f"{key} {value}\n" for key, value in label_map(board, token).items())


def label_map(board: Board, token: Secret) -> dict[str, str]:
    """What `labels` holds, as a dictionary."""
    names = {f"s{i}": slot.release if slot else "-" for i, slot in enumerate(board)}
    return {**names, "token": token.reveal()}


def commands(board: Board, token: Secret, addresses: Mapping[str, str]) -> str:
    """One line for the runtime API that leads any board to this one; repeating it is harmless.

    `addresses` gives the IP of each host whose address or port may have changed. Shares grow
    before others shrink, so that there is never a moment without a server.
    """
    steps = [
        *(step for i, slot in enumerate(board) if slot for step in _point(i, slot, addresses)),
        *(f"set map {LABELS} {key} {value}" for key, value in label_map(board, token).items()),
        *(f"set server traffic/s{i} weight {s.share}" for i, s in _by_share(board) if s),
        *(step for i, slot in enumerate(board) if not slot for step in _vacate(i)),
    ]
    return "; ".join(steps)


def _by_share(board: Board) -> list[tuple[int, Slot | None]]:
    return sorted(enumerate(board), key=lambda item: -(item[1].share if item[1] else 0))


def _point(place: int, slot: Slot, addresses: Mapping[str, str]) -> Iterator[str]:
    for server in _servers(place):
        if address := addresses.get(slot.host):
            yield f"set server {server} addr {address} port {slot.port}"
        yield f"set server {server} fqdn {slot.host}"
        yield f"set server {server} state ready"


def _vacate(place: int) -> Iterator[str]:
    for server in _servers(place):
        yield f"set server {server} state maint"
        yield f"set server {server} fqdn {NOBODY}"


def _servers(place: int) -> tuple[str, str]:
    return f"traffic/s{place}", f"probe{place}/s{place}"


def _identity(slot: Slot) -> tuple[str, str, int]:
    return slot.release, slot.host, slot.port


def _server(slot: Slot | None, weight: int) -> str:
    if slot is None:
        return f"{NOBODY}:1 weight {weight} disabled"
    return f"{slot.host}:{slot.port} weight {weight}"


def _probe_backend(place: int, slot: Slot | None) -> str:
    return f"backend probe{place}\n  server s{place} {_server(slot, 1)}\n"


def _route(place: int) -> str:
    same = f"str(s{place}),map({LABELS}),strcmp(txn.release) eq 0"
    return f"  http-request set-var(txn.place) str(probe{place}) if trusted named {{ {same} }}"


def _encode(state: EdgeState, board: Board) -> str:
    places = [asdict(slot) if slot else None for slot in board]
    return json.dumps({"token": state.token.reveal(), "board": places})
