"""Ports nobody listens on."""

import socket


def free_port() -> int:
    """A loopback port that was free a moment ago; the kernel does not hand it out again soon."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
