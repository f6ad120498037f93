"""The output edge: a stream that masks secrets and outlives its reader."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from typing import Literal, TextIO

from deployer.render.text import ascii_only
from deployer.secret import redact

Colour = Literal["auto", "always", "never"]
_CODES = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}


class Out:
    """One of stdout and stderr. `stream` is None where the process was started without it.

    Writing never raises: once the reader is gone, `closed` is set and everything is swallowed,
    since a deployment must not break because nobody watches it any more.
    """

    def __init__(
        self, stream: TextIO | None, environ: Mapping[str, str], colour: Colour = "auto"
    ) -> None:
        self.closed = stream is None
        self.tty = _is_terminal(stream)
        self.ascii = _only_ascii(stream, environ)
        self.live = self.tty and environ.get("TERM", "dumb") != "dumb"
        self.colour = _wants_colour(colour, environ, self.live)
        self._stream = stream

    @property
    def width(self) -> int:
        """Columns to use; practically endless where no terminal cuts lines."""
        return self.size()[0] if self.tty else 10_000

    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal, at least 20 x 4: asked anew after each resize."""
        try:
            columns, lines = os.get_terminal_size(self._stream.fileno() if self._stream else 2)
        except (OSError, ValueError):
            columns, lines = 80, 24
        return (max(20, columns) if columns else 80), (max(4, lines) if lines else 24)

    def line(self, text: str = "") -> None:
        """Write one line."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Write `text` with secrets masked."""
        self.raw(redact(text))

    def raw(self, text: str) -> None:
        """Write `text`, whose secrets are masked already."""
        shown = ascii_only(text) if self.ascii else text
        if self.closed or self._stream is None:
            return
        try:
            self._stream.write(shown)
            self._stream.flush()
        except UnicodeEncodeError:
            self.ascii = True
            self.raw(text)
        except OSError as error:
            self._swallow()
            _tell(error)
        except ValueError:
            self._swallow()

    def paint(self, text: str, name: str) -> str:
        """`text` in a colour where colours are wanted. The words must do without it."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.colour and name else text

    def _swallow(self) -> None:
        """Point the descriptor nowhere, so that the interpreter's last flush succeeds as well."""
        self.closed = True
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno() if self._stream else nowhere)
        except (OSError, ValueError):
            pass


def _tell(error: OSError) -> None:
    """A reader that left knows; a full disk must not look like a success."""
    if error.errno not in (errno.EPIPE, errno.EBADF):
        text = f"warning: the output could not be written: {error.strerror}\n"
        with contextlib.suppress(OSError):
            os.write(2, text.encode())


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _only_ascii(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """C and POSIX promise ASCII only, although Python writes UTF-8 there (PEP 538, PEP 540)."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "")
    if encoding != "utf8":
        return True
    named = environ.get("LC_ALL") or environ.get("LANG", "")
    return named in ("C", "POSIX")


def _wants_colour(colour: Colour, environ: Mapping[str, str], live: bool) -> bool:
    if colour != "auto":
        return colour == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return live
