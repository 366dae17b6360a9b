"""A tool's contract at work: whether arguments and results fit it, and what of them may be recorded.

- What is checked and handled is spelled as the schema spells it (`engine.spelling`).
- Handling comes before all else that is recorded: before a journal line exists, what it takes is gone.
- A value is checked as it was given: a big integer is an integer, though it is recorded as text.
"""

from __future__ import annotations

from functools import partial

from runstone.core import canonical
from runstone.core.bounding import Bounded
from runstone.core.limits import MAX_DEPTH
from runstone.core.redaction.redactor import FAILED, TOOL_DROP
from runstone.core.tools.handling import handled
from runstone.core.values import Coerced, Foreign, coerce
from runstone.engine.spelling import as_arguments, as_result
from runstone.engine.taken_out import taken_out
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.core.tools.contract import ToolContract
    from runstone.core.tools.handling import Patterns
    from runstone.core.values import Mark
    from runstone.ports.schemas import Checker, Schemas

    Shorten = Callable[[str, int], str]


_ARGS: Final = "args"
_RESULT: Final = "result"
_YIELDED: Final = "yielded"
_TOO_DEEP_CODE: Final = "too_deep"
_TOO_DEEP: Final = "nests too deep to be checked"


class Contracted:
    """The contract of one tool, made ready once for many calls. Safe to share between threads.

    `schemas` checks values, `pseudonym` answers the store's key for pseudonyms; it is asked only if the contract has
    any. Raises what `schemas` raises: `invalid_tool_contract`, `missing_extra`.
    """

    __slots__ = ("_checks_args", "_checks_result", "_key", "contract")

    def __init__(self, contract: ToolContract, schemas: Schemas, pseudonym: Callable[[], bytes | None]) -> None:
        self.contract = contract
        self._key = pseudonym() if contract.handling.pseudonyms else None
        self._checks_args = schemas.checker(contract.arguments, "/arguments")
        self._checks_result = None if contract.result is None else schemas.checker(contract.result, "/result")

    def problems(self, args: Any) -> list[dict[str, str]]:
        """Where arguments do not fit the contract: `path` (a JSON Pointer) and `message`, which repeats no value."""
        spell = partial(as_arguments, args, sure=self.contract.handling.arguments.takes)
        return _problems(self._checks_args, partial(spell, checked=True), spell)

    def result_problems(self, value: Any) -> list[dict[str, str]]:
        """The same of a result; none where the contract says nothing of it."""
        if self._checks_result is None:
            return []
        return _problems(self._checks_result, partial(as_result, value, checked=True), partial(as_result, value))

    def args(self, value: Any, shorten: Shorten | None = None) -> tuple[Any, list[Mark]]:
        """Arguments as the event's member `args`, and their marks, by pointers into the event's data.

        With `shorten` (see `core.bounding`) large ones are cut first. What nests too deep to be recorded is dropped.
        """
        patterns = self.contract.handling.arguments
        return _recorded(partial(as_arguments, value, sure=patterns.takes), patterns, self._key, _ARGS, shorten)

    def taken(self, value: Any) -> set[str]:
        """Texts and numbers of arguments that are not recorded; none of what nests too deep to be checked, and all of
        what cannot be spelled as the contract has it."""
        patterns = self.contract.handling.arguments
        if not patterns.takes:
            return set()
        try:
            tree = coerce(as_arguments(value))[0]
            gone = handled(tree, patterns, None)[1]
        except RunstoneError:
            try:
                tree, gone = coerce(value)[0], [["", f"redacted:{TOOL_DROP}"]]
            except RunstoneError:
                return set()
        return set(taken_out(tree, gone))

    def result(self, value: Any, shorten: Shorten | None = None) -> tuple[Any, list[Mark]]:
        """A result, in the same way, as the member `result`."""
        return _recorded(partial(as_result, value), self.contract.handling.result, self._key, _RESULT, shorten)

    def item(self, value: Any, number: int, shorten: Shorten | None = None) -> tuple[Any, list[Mark]]:
        """An item that a generator yields: what patterns say of an item of the result holds for it."""
        shown, marks = _recorded(
            partial(as_result, [value]), self.contract.handling.result, self._key, _YIELDED, shorten
        )
        tree = shown.value if type(shown) is Coerced else shown
        here = f"/{_YIELDED}/{number}"
        told = [[here + place.removeprefix(f"/{_YIELDED}").removeprefix("/0"), mark] for place, mark in marks]
        return Coerced(tree[0] if type(tree) is list else tree), told


def _problems(check: Checker, *spells: Callable[[], Any]) -> list[dict[str, str]]:
    """What does not fit, as it is spelled first; nothing, where it fits in any of its spellings."""
    first: list[tuple[str, str]] = []
    try:
        for spell in spells:
            found = check(_plain(spell(), 0))
            if not found:
                return []
            first = first or found
    except RecursionError:  # nothing that is not checked may pass
        first = [("", _TOO_DEEP)]
    except RunstoneError as exc:
        first = [("", _TOO_DEEP if exc.code == _TOO_DEEP_CODE else f"cannot be checked: {exc.message}")]
    return [{"path": path, "message": message} for path, message in first]


def _recorded(
    spell: Callable[[], Any], patterns: Patterns, key: bytes | None, member: str, shorten: Shorten | None
) -> tuple[Any, list[Mark]]:
    marks: list[Mark] = []
    try:
        value = spell()
        if shorten is not None:
            bounded = Bounded(shorten, member)
            value, marks = bounded.value(value), bounded.marks
        tree, coerced = coerce({member: value})
    except RunstoneError:
        return Coerced({"$redacted": FAILED}), [[canonical.pointer([member]), f"redacted:{FAILED}"]]
    recorded, gone = handled(tree[member], patterns, key, (member,))
    return (Coerced(recorded) if coerced else recorded), [*_standing([*marks, *coerced], gone), *gone]


def _standing(marks: list[Mark], gone: list[Mark]) -> list[Mark]:
    """The marks of places that are still there: nothing stands below one that was handled."""
    taken = {pointer for pointer, _ in gone}
    if not taken:
        return marks
    return [mark for mark in marks if not any(above in taken for above in _above(mark[0]))]


def _above(pointer: str) -> list[str]:
    """The pointers to all that holds a place."""
    parts = pointer.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON types to be checked: the door's, without what it does to keys, big integers and bytes."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    return _unescaped(coerce(value)[0])


def _key(key: Any) -> str:
    return key if type(key) is str else next(iter(_unescaped(coerce({key: None})[0])))


def _unescaped(tree: Any) -> Any:
    if type(tree) is dict:
        return {key[1:] if key.startswith("$$") else key: _unescaped(item) for key, item in tree.items()}
    if type(tree) is list:
        return [_unescaped(item) for item in tree]
    if type(tree) is bytes:
        return tree.decode("latin-1")
    return tree.value if type(tree) is Foreign else tree
