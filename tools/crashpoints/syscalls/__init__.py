"""The system calls that the tool understands, by name: the only place that lists them.

A handler is told the recorder, the calling process and the call; it changes the process and records
what the call did. A call that is not here changes nothing that is modelled (locks, advice, stat).
"""

from __future__ import annotations

from crashpoints.syscalls import contents, descriptors, modes, names, surroundings, syncs
from crashpoints.syscalls.handler import Handler

HANDLERS: dict[str, Handler] = {
    **contents.HANDLERS,
    **descriptors.HANDLERS,
    **modes.HANDLERS,
    **names.HANDLERS,
    **surroundings.HANDLERS,
    **syncs.HANDLERS,
}

READS = frozenset(descriptors.READ_HANDLERS)
"""Calls that only move an offset; tracing them is slow, because strace logs all that is read."""
HANDLERS.update(descriptors.READ_HANDLERS)

__all__ = ["HANDLERS", "READS", "Handler"]
