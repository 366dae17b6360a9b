"""The gate: is a line certainly clean?

- It looks for literals only: every rule and every secret value contributes texts of which a match must hold
  one. No literal, no match; so a clean answer is a proof, and a hit only means "look closer".
- It reads final bytes: a literal is looked for in UTF-8 as it stands and as a line's JSON escapes it, and as
  Latin-1, which files may hold. Of a long one the beginning is enough.
- In a short process it is a loop of `in`; once enough has passed a multi-pattern matcher is compiled, where
  `hyperscan` is installed. Both answer alike.
"""

from __future__ import annotations

from runstone.core.canonical import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

WARM_COST: Final = 64 * 1024
"""Bytes (with 512 more for each line) after which compiling the literals, a few milliseconds, pays."""

MAX_LITERAL_BYTES: Final = 64
"""What is looked for of a long literal: the matcher takes no pattern of some thousand bytes."""

_NEVER: Final = -(1 << 62)
"""A matcher that cannot be had is asked for once."""

_compiled: dict[tuple[bytes, ...], Any] = {}


class Scanner:
    """Looks for literals in bytes. `hit` is not safe to call from two threads at once on one scanner: a matcher
    has scratch space. `skipped` literals, the first ones, are compiled with the others and no hit."""

    __slots__ = ("_cost", "_skipped", "hit", "literals")

    def __init__(self, literals: tuple[bytes, ...], skipped: int = 0) -> None:
        self.literals = literals
        self._skipped = skipped
        self._cost = 0
        self.hit: Callable[[bytes], bool] = self._slow_hit
        """Whether the bytes hold any literal; false is a proof that they are clean."""
        if literals in _compiled:
            self.warm()

    def _slow_hit(self, data: bytes) -> bool:
        self._cost += len(data) + 512
        if self._cost > WARM_COST:
            self._cost = _NEVER
            self.warm()
            return self.hit(data)
        for literal in self.literals[self._skipped :]:  # noqa: SIM110  # a generator would double the time
            if literal in data:
                return True
        return False

    def warm(self) -> None:
        """Compile the literals now; where that cannot be done everything stays as it is."""
        try:
            self.hit = _matcher(self.literals, self._skipped)
        except (ImportError, RuntimeError):
            pass  # not installed, or it refuses: the loop gives the same answers


class Gate(Scanner):
    """Tells lines that cannot hold a secret from those that may; the recorder calls `hit` under the run's lock.

    `texts` are the literals; `of_lines` are such as mean something in a journal line only.
    """

    __slots__ = ("_of_lines", "_texts")

    def __init__(self, texts: frozenset[str], of_lines: tuple[str, ...] = ()) -> None:
        self._texts = tuple(sorted(texts))
        self._of_lines = len(of_lines)
        super().__init__((*(text.encode() for text in of_lines), *sorted(_spellings(self._texts))))

    def scanner(self) -> Scanner:
        """A scanner of its own for bytes that are no journal line: for use outside the run's lock."""
        return Scanner(self.literals, self._of_lines)

    def hit_text(self, text: str) -> bool:
        """As `hit`, for text that is not encoded yet."""
        for literal in self._texts:  # noqa: SIM110  # a generator would double the time
            if literal in text:
                return True
        return False


def _spellings(texts: Iterable[str]) -> set[bytes]:
    """What bytes hold if text in them holds one of `texts`: in JSON, in UTF-8, in Latin-1. A text whose JSON
    spelling is redacted as well stands in a line with that spelling escaped once more, so all are escaped."""
    found: set[bytes] = set()
    for text in texts:
        found.add(text.encode()[:MAX_LITERAL_BYTES])
        in_json = quote(text)
        if len(in_json) != len(text) + 2:
            found.add(in_json[1:-1].encode()[:MAX_LITERAL_BYTES])
        if not text.isascii() and max(text) <= "\xff":
            found.add(text.encode("latin-1")[:MAX_LITERAL_BYTES])
    return found


def _matcher(literals: tuple[bytes, ...], skipped: int = 0) -> Callable[[bytes], bool]:
    """A `hit` on hyperscan, in block mode, with scratch space of its own. Raises `ImportError` where it is no help."""
    import hyperscan

    database = _compiled.get(literals)
    if database is None:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            database.compile(
                expressions=[_pattern(literal) for literal in literals],
                ids=list(range(len(literals))),
                elements=len(literals),
                flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(literals),
            )
        except (hyperscan.error, hyperscan.HyperscanError) as exc:  # a limit of its own
            raise ImportError("hyperscan refuses the literals") from exc
        _compiled.clear()  # one set of values is in use at a time; secrets are not kept longer than that
        _compiled[literals] = database
    scratch = hyperscan.Scratch(database)
    found: list[int] = []
    scan = database.scan

    def remember(index: int, *_: Any) -> None:
        if index >= skipped:
            found.append(index)

    def hit(data: bytes) -> bool:
        scan(data, remember, 0, None, scratch)
        if found:
            found.clear()
            return True
        return False

    return hit


def _pattern(literal: bytes) -> bytes:
    """A pattern that matches these bytes and nothing else."""
    if literal.isalnum():
        return literal
    return b"".join(b"\\x%02x" % byte for byte in literal)
