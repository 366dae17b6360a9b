"""From which moment on each recorded change is certain to survive a power loss.

- strict: a file's fsync covers the file's data and size, a directory's fsync the entries in it, and
  nothing else.
- journal: any fsync covers all entries made before it as well.
- A sync covers only changes whose call had returned before the sync began.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from crashpoints.effects import Names, Op, Resize, Sync, Write


class Model(StrEnum):
    """What a file system promises."""

    STRICT = "strict"
    JOURNAL = "journal"


def durable_since(ops: Sequence[Op], model: Model) -> dict[int, int]:
    """By the index of a change, the index of the op that made it durable; the others never were."""
    since: dict[int, int] = {}
    pending: list[Op] = []
    for op in ops:
        if isinstance(op.effect, Sync):
            covered = [p for p in pending if p.end < op.start and _covers(op.effect, p, model)]
            since |= {p.index: op.index for p in covered}
            pending = [p for p in pending if p.index not in since]
        elif isinstance(op.effect, Write) and op.effect.synchronous:
            since[op.index] = op.index
        elif op.losable:
            pending.append(op)
    return since


def _covers(sync: Sync, op: Op, model: Model) -> bool:
    if sync.inode is None:
        return True
    if isinstance(op.effect, Names):
        # A rename is atomic, so either of its two directories makes all of it durable.
        return model is Model.JOURNAL or any(sync.inode == e.directory for e in op.effect.entries)
    return isinstance(op.effect, Write | Resize) and sync.inode == op.effect.inode
