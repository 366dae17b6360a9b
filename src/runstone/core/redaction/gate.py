"""The gate: is a line certainly clean?

- It reads final bytes, and a clean answer is a proof; a hit only means "look closer".
- In a short process it looks for literals with `in`: each rule and each form of a secret value contributes texts of
  which a match must hold one. Once enough has passed, `hyperscan` looks for all at once where it is installed: for
  the values' literals, and for an expression of each rule that is derived from its pattern.
- The compiled expressions take a moment to make and are the same everywhere: a `cache` may keep them. What is made of
  secret values is never kept.
"""

from __future__ import annotations

from runstone.core.canonical import quote
from runstone.core.digests import sha256_hex
from runstone.core.redaction.literals import Literals
from runstone.core.redaction.zeros import without_zeros

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final, Protocol

    from runstone.core.redaction.ruleset import Ruleset

    class Cache(Protocol):
        """Keeps bytes by name for later processes of the same user."""

        def cached(self, name: str) -> bytes | None:
            """What was kept under a name, if it is there and nobody else can have written it."""

        def cache(self, name: str, data: bytes) -> None:
            """Keep bytes under a name. A failure is no error: they are made anew."""


WARM_COST: Final = 64 * 1024
"""Bytes (with 512 more for each line) after which loading the matcher, a few milliseconds, pays."""
COMPILE_COST: Final = 4 * 1024 * 1024
"""Bytes of one process after which compiling the rules' expressions pays, where no cache has them."""

MAX_LITERAL_BYTES: Final = 64
"""What is looked for of a long literal: the matcher takes no pattern of some thousand bytes."""

RESERVED_KEY: Final = b'"$'
"""Keys that begin so belong to the format: a user's in a journal line is renamed, by the careful way."""
ZERO: Final = rb"\u0000"
"""In a journal line: text that may be UTF-16 or UTF-32, in which nothing stands as it is looked for."""

_rules: dict[str, Any] = {}
"""Compiled expressions by the digest of their ruleset."""
_passed: dict[str, int] = {}
"""Bytes that the loops have looked through in this process, by the digest of the ruleset: many short runs pay once."""
_due: dict[str, float] = {}
"""How many that are when a matcher is asked for next; none is for good where it cannot be had."""
_being_made: dict[str, object] = {}
"""Rulesets that some thread compiles, which takes seconds: the others go on with the loops meanwhile."""
_idle: dict[tuple[str, bool], list[Callable[[bytes], bool]]] = {}
"""Searches that no scanner holds any more, by ruleset and kind: to make one takes longer than to scan a file."""
MAX_IDLE: Final = 16
_literals: dict[tuple[bytes, ...], Any] = {}
"""Compiled literals; of one set of values at a time: secrets are not kept longer than that."""
_anchors: dict[tuple[bytes, ...], Any] = {}
"""The same of what rules must find to match over a line end, which is no secret."""


class Sought:
    """What bytes of any kind hold where one of some texts stands in them; `found_in` looks for it by loops."""

    __slots__ = ("found_in", "literals")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.literals = tuple(sorted(_spellings(texts)))
        self.found_in = Literals(self.literals).found_in


class Scanner:
    """Looks for what may be a secret in bytes of any kind. `hit` is not safe to call from two threads at once on one
    scanner, nor to keep longer than the scanner: a matcher has scratch space, which another scanner takes over."""

    __slots__ = ("_anchored", "_cache", "_next", "_search", "_sought", "hit", "literals", "ruleset")
    of_lines = False
    """Whether it looks for what means something in a journal line only."""

    def __init__(self, ruleset: Ruleset, sought: Sought, cache: Cache | None = None) -> None:
        self.ruleset = ruleset
        self._cache = cache
        self._sought = sought
        self.literals = sought.literals
        self._search: Callable[[bytes], bool] | None = None
        self._anchored: Callable[[bytes], bool] | None = None
        self._next = _passed.get(ruleset.sha256, 0) + WARM_COST
        self.hit: Callable[[bytes], bool] = self._slow_hit
        """Whether the bytes may hold a secret; false is a proof that they are clean."""
        if ruleset.sha256 in _rules and (not self.literals or self.literals in _literals):
            self.warm()

    def __del__(self) -> None:
        search = getattr(self, "_search", None)  # none where a signal handler has stopped `__init__`
        if search is not None and _idle is not None:  # as it is once the interpreter has been taken apart
            idle = _idle.setdefault((self.ruleset.sha256, self.of_lines), [])
            if len(idle) < MAX_IDLE:
                idle.append(search)

    def _slow_hit(self, data: bytes) -> bool:
        self.count(len(data))
        return self.looks(data) if self.hit == self._slow_hit else self.hit(data)

    def count(self, size: int) -> None:
        """So many bytes more are looked through in this process: have the matcher, once that pays."""
        rules = self.ruleset.sha256
        passed = _passed[rules] = _passed.get(rules, 0) + size + 512
        if passed > (self._next if rules in _rules else _due.get(rules, WARM_COST)):
            self.warm(compiling=passed > COMPILE_COST)
            self._next = passed + WARM_COST
            _due[rules] = min(self._next, COMPILE_COST) if passed <= COMPILE_COST else float("inf")

    def looks(self, data: bytes) -> bool:
        """The same by the loops alone; safe to call from any thread."""
        return self.holds(data) or self.ruleset.may_match(data)

    def holds(self, data: bytes) -> bool:
        """`looks`, but for what rules and names look for."""
        if self.literals and any(self._sought.found_in(data)):
            return True
        return self.of_lines and (RESERVED_KEY in data or ZERO in data)

    def sees(self, data: bytes) -> bool:
        """`hit`, of text in UTF-16 or UTF-32 too."""
        return self.hit(data) or (b"\0" in data and self.hit(without_zeros(data)))

    def over_lines(self, lower: bytes) -> bool:
        """Whether bytes in lower case hold what a rule must find to match over a line end."""
        anchors = self.ruleset.anchors_over_lines
        if self._anchored is None and anchors and has_matcher(self.ruleset):
            try:
                self._anchored = _hit(_compiled_literals(anchors, _anchors))
            except ImportError:  # the library refuses
                self._anchored = self._slowly_anchored
        return (self._anchored or self._slowly_anchored)(lower)

    def _slowly_anchored(self, lower: bytes) -> bool:
        return any(anchor in lower for anchor in self.ruleset.anchors_over_lines)

    def warm(self, *, compiling: bool = True) -> None:
        """Have the matcher now, from the cache or else compiled; where that cannot be, everything stays as it is."""
        try:
            if self.hit == self._slow_hit:
                self.hit = self._matcher(compiling)
        except (AttributeError, ImportError, OSError, RuntimeError) as exc:
            # absent, or it refuses, or it must be compiled, or a signal handler is in the middle of its loading
            if isinstance(exc, OSError) and exc.errno is None:  # not the system's: a timeout that a handler raises
                raise

    def _matcher(self, compiling: bool) -> Callable[[bytes], bool]:
        database = _compiled_rules(self.ruleset, self._cache, compiling)
        rules = self._search
        if rules is None:
            try:
                rules = _idle[self.ruleset.sha256, self.of_lines].pop()
            except LookupError:
                rules = _hit(database, skipped=not self.of_lines)
            self._search = rules
        if not self.literals:
            return rules
        values = _hit(_compiled_literals(self.literals, _literals))
        return lambda data: rules(data) or values(data)


class Gate(Scanner):
    """Tells lines that cannot hold a secret from those that may; the recorder calls `hit` under the run's lock.

    `values` are texts that must not be written.
    """

    __slots__ = ()
    of_lines = True

    def __init__(self, ruleset: Ruleset, values: Sought | Iterable[str] = (), cache: Cache | None = None) -> None:
        super().__init__(ruleset, values if isinstance(values, Sought) else Sought(values), cache)

    def scanner(self) -> Scanner:
        """A scanner of its own for bytes that are no journal line: for use outside the run's lock."""
        return Scanner(self.ruleset, self._sought, self._cache)


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


def _hit(database: Any, *, skipped: bool = False) -> Callable[[bytes], bool]:
    """A search with scratch space of its own; the first expression is no hit where it is `skipped`.

    One that a signal handler asks for in the middle of a search finds its scratch space in use, which is a hit.
    """
    import hyperscan

    scratch = hyperscan.Scratch(database)
    scan, in_use = database.scan, hyperscan.ScratchInUseError

    def report(index: int, _begin: int, _end: int, _flags: int, found: list[int]) -> None:
        if index >= skipped:
            found.append(index)

    def hit(data: bytes) -> bool:
        found: list[int] = []
        try:
            scan(data, report, 0, found, scratch)
        except in_use:
            return True
        return bool(found)

    return hit


def forget_compiling() -> None:
    """A forked child has no threads but its own: what another was compiling is made anew, once that pays."""
    _being_made.clear()
    _due.clear()


def has_matcher(ruleset: Ruleset) -> bool:
    """Whether this process has the compiled expressions of the rules."""
    return ruleset.sha256 in _rules


def finder(ruleset: Ruleset) -> Callable[[bytes], list[int]] | None:
    """Tells by number which expressions hit, the first of the rules being 1; `None` as long as there is no matcher.

    Of one caller at a time.
    """
    database = _rules.get(ruleset.sha256)
    if database is None:
        return None
    import hyperscan

    scratch = hyperscan.Scratch(database)
    found: list[int] = []

    def find(data: bytes) -> list[int]:
        found.clear()
        database.scan(data, lambda index, *_: found.append(index), 0, None, scratch)
        return found[:]

    return find


def _compiled_rules(ruleset: Ruleset, cache: Cache | None, compiling: bool) -> Any:
    database = _rules.get(ruleset.sha256)
    if database is None:
        database = (cache and _loaded(ruleset, cache)) or _made(ruleset, cache, compiling)
        _rules[ruleset.sha256] = database
    return database


def _loaded(ruleset: Ruleset, cache: Cache) -> Any:
    """The compiled rules from the cache; `None` where there are none that fit this machine and this library."""
    import hyperscan

    data = cache.cached(_cache_name(ruleset))
    digest, _, body = (data or b"").partition(b"\n")
    if data is None or digest.decode("ascii", "replace") != sha256_hex(body):
        return None
    try:
        return hyperscan.loadb(body, hyperscan.HS_MODE_BLOCK)
    except (hyperscan.error, hyperscan.HyperscanError):
        return None


def _made(ruleset: Ruleset, cache: Cache | None, compiling: bool) -> Any:
    mine = object()
    if not compiling or _being_made.setdefault(ruleset.sha256, mine) is not mine:
        raise RuntimeError("not compiled yet")
    try:
        database = _compile([_OF_LINES, *ruleset.expressions()])
    finally:
        _being_made.pop(ruleset.sha256, None)
    if cache is not None:
        body = _dumped(database)
        cache.cache(_cache_name(ruleset), sha256_hex(body).encode() + b"\n" + body)
    return database


def _cache_name(ruleset: Ruleset) -> str:
    """A name for what this version of the library makes of a ruleset. A database of another processor is refused as it
    is loaded, and so is one of another version of what stands beneath the library."""
    import hyperscan

    version = getattr(hyperscan, "__version__", "")  # it is there; its stubs do not tell
    return f"rules-{sha256_hex(_OF_LINES + f'{version} {ruleset.matcher_sha256}'.encode())[:32]}"


def _dumped(database: Any) -> bytes:
    import hyperscan

    return bytes(hyperscan.dumpb(database))


def _compiled_literals(literals: tuple[bytes, ...], last: dict[tuple[bytes, ...], Any]) -> Any:
    """Those that were asked for `last`, or made anew."""
    database = last.get(literals)
    if database is None:
        database = _compile([_pattern(literal) for literal in literals])
        last.clear()
        last[literals] = database
    return database


def _compile(expressions: list[bytes]) -> Any:
    """A database for block mode. Raises `ImportError` where the library is missing or refuses."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
    try:
        database.compile(
            expressions=expressions,
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[flags] * len(expressions),
        )
    except (hyperscan.error, hyperscan.HyperscanError) as exc:  # a limit of its own
        raise ImportError("hyperscan refuses the expressions") from exc
    return database


def _pattern(literal: bytes) -> bytes:
    """A pattern that matches these bytes and nothing else."""
    if literal.isalnum():
        return literal
    return b"".join(b"\\x%02x" % byte for byte in literal)


_OF_LINES: Final = b"|".join(map(_pattern, (RESERVED_KEY, ZERO)))
"""What only a gate of lines looks for."""
