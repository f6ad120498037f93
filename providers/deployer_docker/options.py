"""The keys of a docker target."""

# Types stand as they are, not as texts that would be compiled at each start: no `__future__` here.

from typing import Annotated, Literal

from msgspec import Meta

from deployer.noun import Noun
from deployer.quantity import Bytes

_ADDRESS = r"^((\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):)?\d{1,5}$"
_HOST = r"^(unix|tcp|ssh|npipe|fd)://\S*$|^[a-z0-9]\S*$"
_SHAPES = {
    "publish": {"shape": "a port, or address:port, as 8080 or 127.0.0.1:8080", "unique": True},
    "host": {"shape": "an engine's address, as ssh://deploy@server or unix:///…"},
    "url": {"shape": "an address, as https://shop.example", "unique": True},
}


class Logs(Noun, frozen=True):
    """What the engine keeps of a container's output."""

    max_size: Annotated[Bytes, Meta(description="of one file")] = Bytes(10 * 2**20)
    max_files: Annotated[int, Meta(ge=1, le=100, description="before the oldest goes")] = 3


class Options(Noun, frozen=True):
    """The keys of a docker target."""

    publish: Annotated[
        Annotated[str, Meta(pattern=_ADDRESS)] | None,
        Meta(
            description="port on the host, or address:port; the address is 127.0.0.1 by default",
            extra=_SHAPES["publish"],
        ),
    ] = None
    host: Annotated[
        Annotated[str, Meta(pattern=_HOST)] | None,
        Meta(
            description="the engine's address; default: as `docker` finds it",
            extra=_SHAPES["host"],
        ),
    ] = None
    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://\S+$")] | None,
        Meta(
            description="where people reach it, if not where it is published", extra=_SHAPES["url"]
        ),
    ] = None
    registry: Annotated[
        str | None,
        Meta(description="repository prefix to push to; without it the engine's own images serve"),
    ] = None
    keep: Annotated[
        int, Meta(ge=1, le=50, description="releases kept on the engine for instant rollback")
    ] = 3
    edge_image: Annotated[
        str | None, Meta(description="image of the proxy that moves traffic; default: ours")
    ] = None
    secrets_as: Annotated[
        Literal["file", "env"],
        Meta(description="`file` below /run/secrets; `env` shows them in `docker inspect`"),
    ] = "file"
    logs: Annotated[Logs, Meta(description="what is kept of a container's output")] = Logs()
    network: Annotated[
        str | None, Meta(description="a network that exists, joined besides deployer's own")
    ] = None
    restart: Annotated[
        Literal["unless-stopped", "always", "on-failure", "no"],
        Meta(description="what the engine does when a container ends"),
    ] = "unless-stopped"
