"""Our own standard input beside a command's pseudo-terminal: its size and what is typed are passed on.

- Our terminal, if we have one, is raw while the command runs, and is given back as it was.
- Input never waits in a write: what the pseudo-terminal does not take yet stays here, and no more is read meanwhile.
- The end of our input is told by the terminal's own character for it, as somebody who types would tell it.
"""

from __future__ import annotations

import fcntl
import os
import termios
import tty

try:
    import _signal as signal  # type: ignore[import-not-found]  # `signal` without its enumerations: 3 ms of start-up
except ImportError:
    import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

INPUT: Final = 0
READ_BYTES: Final = 4096
_END: Final = b"\x04"


class Terminal:
    """Input for the pseudo-terminal behind `master`, which is not blocking from now on."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._saved: Any = None
        self._size = signal.getsignal(signal.SIGWINCH)
        self._in_line = False
        self.waiting = b""
        """What was read and is not written yet."""
        self.ended = False
        """Whether there is no more to read."""
        os.set_blocking(master, False)
        if os.isatty(INPUT):
            self._saved = termios.tcgetattr(INPUT)
            tty.setraw(INPUT)
            self._resize()
            signal.signal(signal.SIGWINCH, lambda *_: self._resize())

    def _resize(self) -> None:
        try:
            size = fcntl.ioctl(INPUT, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
        except OSError:  # one of them is closed
            return

    def read(self) -> None:
        """Read what was typed; at its end the terminal's character for that waits to be written."""
        try:
            self.waiting = os.read(INPUT, READ_BYTES)
        except BlockingIOError:  # somebody else has read it
            return
        except OSError:
            self.waiting = b""
        if self.waiting:
            self._in_line = not self.waiting.endswith(b"\n")
            return
        self.ended = True
        self.waiting = self._end() * (1 + self._in_line)  # within a line, the first one only ends the line

    def _end(self) -> bytes:
        try:
            characters: list[bytes] = termios.tcgetattr(self._master)[6]
        except termios.error:
            return _END
        return characters[termios.VEOF]

    def write(self) -> None:
        """Hand on as much of what waits as is taken now."""
        try:
            self.waiting = self.waiting[os.write(self._master, self.waiting) :]
        except BlockingIOError:
            return
        except OSError:  # nobody will read it
            self.waiting, self.ended = b"", True

    def restore(self) -> None:
        """Give our terminal back as it was."""
        if self._saved is not None:
            signal.signal(signal.SIGWINCH, self._size)
            try:
                termios.tcsetattr(INPUT, termios.TCSADRAIN, self._saved)
            except (OSError, termios.error):  # it has gone away meanwhile, as with a connection
                return
