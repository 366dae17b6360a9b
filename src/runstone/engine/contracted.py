"""A tool's contract at work: whether arguments and results fit it, and what of them may be recorded.

- What is checked and handled is spelled as the schema spells it (`engine.spelling`).
- Handling comes before all else that is recorded: before a journal line exists, what it takes is gone.
- A value is checked as it was given: a big integer is an integer, though it is recorded as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from runstone.core import canonical
from runstone.core.bounding import Outlined, with_cut_texts
from runstone.core.limits import MAX_DEPTH
from runstone.core.redaction.redactor import FAILED
from runstone.core.tools.handling import DROP, Patterns, handled
from runstone.core.values import Coerced, Foreign, coerce, sort_key
from runstone.engine.spelling import SERIALISED, VALIDATED, Spelling, held_by_name, is_iterator
from runstone.engine.taken_out import taken_out
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.core.tools.contract import ToolContract
    from runstone.core.values import Mark
    from runstone.ports.schemas import Checker, Schemas

    Shorten = Callable[[str, int], str]


_ARGS: Final = "args"
_RESULT: Final = "result"
_YIELDED: Final = "yielded"
_ALL: Final = Patterns({"": DROP})
_TOO_DEEP_CODE: Final = "too_deep"
_TOO_DEEP: Final = "nests too deep to be checked"


class Contracted:
    """The contract of one tool, made ready once for many calls. Safe to share between threads.

    `schemas` checks values, `pseudonym` answers the store's key for pseudonyms; it is asked only if the contract has
    any. Raises what `schemas` raises: `invalid_tool_contract`, `missing_extra`.
    """

    __slots__ = ("_args", "_checks_args", "_checks_result", "_key", "_result", "contract")

    def __init__(self, contract: ToolContract, schemas: Schemas, pseudonym: Callable[[], bytes | None]) -> None:
        self.contract = contract
        self._key = pseudonym() if contract.handling.pseudonyms else None
        self._checks_args = schemas.checker(contract.arguments, "/arguments")
        self._checks_result = None if contract.result is None else schemas.checker(contract.result, "/result")
        self._args = Spelling(contract.arguments, VALIDATED)
        self._result = Spelling(contract.result or {}, SERIALISED)

    def held(self, args: Any) -> Any:
        """Arguments as the call is given them, by the names of the contract, for the rules over it. Raises `not_json`
        where the names cannot be told, and `too_deep`."""
        return self._args.held(args, sure=True)

    def problems(self, args: Any) -> list[dict[str, str]]:
        """Where arguments do not fit the contract: `path` (a JSON Pointer) and `message`, which repeats no value."""
        return _problems(self._checks_args, self._args.held, args)

    def result_problems(self, value: Any) -> list[dict[str, str]]:
        """The same of a result; none where the contract says nothing of it."""
        return [] if self._checks_result is None else _problems(self._checks_result, self._result.dumped, value)

    def args(self, value: Any, shorten: Shorten | None = None) -> tuple[Any, list[Mark]]:
        """Arguments as the event's member `args`, and their marks, by pointers into the event's data.

        With `shorten` (see `core.bounding`) large ones are cut; texts and bytes once what the contract says of them is
        done. What nests too deep to be recorded is dropped; so is what is dumped by other names than the contract's,
        where that takes anything out.
        """
        return self._recorded(self._args, value, self.contract.handling.arguments, _ARGS, shorten)

    def taken(self, value: Any) -> set[str]:
        """Texts and numbers of arguments that are not recorded, also as they show themselves; none of what nests too
        deep to be checked, and all of what cannot be spelled as the contract has it."""
        patterns = self.contract.handling.arguments
        if not patterns.takes:
            return set()
        try:
            held = self.held(value)
        except RunstoneError:
            held, patterns = held_by_name(value), _ALL
        try:
            trees = [coerce(held)[0], *[coerce(_said(held, show))[0] for show in (str, repr)]]
        except RunstoneError:
            return set()
        return {text for tree in trees for text in taken_out(tree, handled(tree, patterns, None)[1])}

    def result(self, value: Any, shorten: Shorten | None = None) -> tuple[Any, list[Mark]]:
        """A result, in the same way, as the member `result`."""
        return self._recorded(self._result, value, self.contract.handling.result, _RESULT, shorten)

    def item(self, value: Any, number: int, shorten: Shorten | None = None) -> tuple[Any, list[Mark]]:
        """An item that a generator yields: what patterns say of an item of the result holds for it."""
        shown, marks = self._recorded(self._result, [value], self.contract.handling.result, _YIELDED, shorten)
        tree = shown.value if type(shown) is Coerced else shown
        here = f"/{_YIELDED}/{number}"
        told = [[here + place.removeprefix(f"/{_YIELDED}").removeprefix("/0"), mark] for place, mark in marks]
        return Coerced(tree[0] if type(tree) is list else tree), told

    def _recorded(
        self, spelling: Spelling, value: Any, patterns: Patterns, member: str, shorten: Shorten | None
    ) -> tuple[Any, list[Mark]]:
        marks: list[Mark] = []
        try:
            value = spelling.dumped(value, sure=patterns.takes)
            if shorten is not None:
                bounded = Outlined(shorten, member)
                value, marks = bounded.value(value), bounded.marks
            tree, coerced = coerce({member: value})
        except RunstoneError:
            return Coerced({"$redacted": FAILED}), [[canonical.pointer([member]), f"redacted:{FAILED}"]]
        recorded, gone = handled(tree[member], patterns, self._key, (member,))
        if shorten is not None:
            recorded = with_cut_texts(recorded, marks, shorten, member)
        return (Coerced(recorded) if coerced else recorded), [*_standing([*marks, *coerced], gone), *gone]


def _problems(check: Checker, spell: Callable[..., Any], value: Any) -> list[dict[str, str]]:
    """What does not fit, as JSON has it; nothing, where it fits so or as it is recorded."""
    first: list[tuple[str, str]] = []
    try:
        for as_json in (True, False):
            found = check(_plain(spell(value, checked=as_json), 0))
            if not found:
                return []
            first = first or found
    except RecursionError:  # nothing that is not checked may pass
        first = [("", _TOO_DEEP)]
    except RunstoneError as exc:
        first = [("", _TOO_DEEP if exc.code == _TOO_DEEP_CODE else f"cannot be checked: {exc.message}")]
    return [{"path": path, "message": message} for path, message in first]


def _said(value: Any, show: Callable[[Any], str]) -> Any:
    """A value in which each leaf that is none of JSON's is text, as it shows itself; a secret as what it hides."""
    try:
        if value is None or isinstance(value, (str, int, float, bytes)):
            return value.value if isinstance(value, Enum) else value
        if isinstance(value, Enum):
            return _said(value.value, show)
        if isinstance(value, Mapping):
            return {key: _said(item, show) for key, item in value.items()}
        if isinstance(value, (set, frozenset)):  # in the order of the record
            value = sorted(value, key=lambda item: sort_key(coerce(item)[0]))
        if isinstance(value, (list, tuple)):
            return [_said(item, show) for item in value]
        if is_dataclass(value):
            return {field.name: _said(getattr(value, field.name), show) for field in fields(value)}
        return _said(value.get_secret_value(), show) if hasattr(value, "get_secret_value") else show(value)
    except Exception:  # a foreign object may raise anything
        return None


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
    if is_iterator(value):  # of what it will give nobody knows yet
        return []
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
