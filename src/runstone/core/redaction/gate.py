"""The gate: is a line certainly clean?

- It looks for literals only: every rule and every secret value contributes strings of which a match must hold
  one. No literal, no match; so a clean answer is a proof, and a hit only means "look closer".
- It reads the final bytes of a line. JSON escapes `"`, `\\` and control characters, and anchors hold none of
  them; values that hold some are looked for in their escaped spelling too.
- In a short process it is a loop of `in`; once enough has passed a multi-pattern matcher is compiled, where
  `hyperscan` is installed. Both answer alike.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

WARM_COST: Final = 64 * 1024
"""Bytes (with 512 more for each line) after which compiling the literals, a few milliseconds, pays."""

_NEVER: Final = -(1 << 62)
"""Without `hyperscan` it is asked for once."""

_compiled: dict[tuple[str, ...], Any] = {}


class Gate:
    """Tells lines that cannot hold a secret from those that may. `hit` is not safe to call from two threads
    at once on one gate; the recorder calls it under the run's lock."""

    __slots__ = ("_cost", "_texts", "hit", "literals")

    def __init__(self, literals: frozenset[str]) -> None:
        self._texts = tuple(sorted(literals))
        self.literals = tuple(text.encode() for text in self._texts)
        self._cost = 0
        self.hit: Callable[[bytes], bool] = self._slow_hit
        """Whether `line` holds any literal; false is a proof that it is clean."""
        if self._texts in _compiled:
            self.warm()

    def may_hit(self, tree: Any) -> bool:
        """Whether the redactor has something to do in a coerced value: a literal, or a leaf that it must encode."""
        try:
            return self.hit(canonical_bytes(tree))
        except RunstoneError:
            return True

    def hit_text(self, text: str) -> bool:
        """As `hit`, for text that is not encoded yet."""
        for literal in self._texts:  # noqa: SIM110  # a generator would double the time
            if literal in text:
                return True
        return False

    def _slow_hit(self, line: bytes) -> bool:
        self._cost += len(line) + 512
        if self._cost > WARM_COST:
            self._cost = _NEVER
            self.warm()
        for literal in self.literals:  # noqa: SIM110  # a generator would double the time
            if literal in line:
                return True
        return False

    def warm(self) -> None:
        """Compile the literals now; without `hyperscan` everything stays as it is."""
        try:
            self.hit = _matcher(self._texts)
        except ImportError:
            pass


def _matcher(texts: tuple[str, ...]) -> Callable[[bytes], bool]:
    """A `hit` on hyperscan, in block mode, with scratch space of its own."""
    import hyperscan

    database = _compiled.get(texts)
    if database is None:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[_literal(text) for text in texts],
            ids=list(range(len(texts))),
            elements=len(texts),
            flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(texts),
        )
        _compiled.clear()  # one set of values is in use at a time; secrets are not kept longer than that
        _compiled[texts] = database
    scratch = hyperscan.Scratch(database)
    found: list[int] = []
    scan = database.scan

    def remember(index: int, *_: Any) -> None:
        found.append(index)

    def hit(line: bytes) -> bool:
        scan(line, remember, 0, None, scratch)
        if found:
            found.clear()
            return True
        return False

    return hit


def _literal(text: str) -> bytes:
    """A pattern that matches the UTF-8 bytes of `text` and nothing else."""
    return b"".join(b"\\x%02x" % byte for byte in text.encode())
