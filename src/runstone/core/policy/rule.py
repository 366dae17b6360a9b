"""A rule of a policy that is data: one comparison of one fact. What cannot be compared is unknown, and has no level: to
the policy that is the worst."""

from __future__ import annotations

from runstone.core.canonical import array_index, canonical_bytes, pointer
from runstone.core.policy.decision import FAIL, PASS, UNKNOWN
from runstone.core.query import glob_fits
from runstone.core.values import coerce, is_finite, with_encoded_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from typing import Any, Final

    from runstone.core.policy.levels import Levels

COMPARISONS: Final = ("max", "min", "equals", "one_of", "present", "matches", "is_level")
ABSENT: Final = object()


class Unknown(Exception):  # noqa: N818  # no error: an answer of a comparison
    """A fact cannot be compared; its text is the reason code."""


class Facts:
    """Facts as the recorder's door spells them (`core.values`), and where a number became text on the way (`Decimal`, a
    large integer). So are the parts of pointers spelled."""

    __slots__ = ("_coerced", "tree")

    def __init__(self, tree: Any, coerced: frozenset[str]) -> None:
        self.tree = tree
        self._coerced = coerced

    def at(self, parts: list[str]) -> Any:
        """What a pointer leads to, or `ABSENT`."""
        found = self.tree
        for part in parts:
            if isinstance(found, dict):
                found = found.get(part, ABSENT)
            else:
                index = array_index(part, found)
                found = ABSENT if index is None else found[index]
        return found

    def number(self, parts: list[str]) -> float | int:
        """The finite number that a pointer leads to; raises `Unknown`."""
        found = self.at(parts)
        if type(found) is str and pointer(parts) in self._coerced:
            try:
                found = float(found)
            except ValueError:
                pass
        if type(found) not in (int, float) or not is_finite(found):
            raise Unknown("not_a_number")
        number: float | int = found
        return number

    def exact(self, parts: list[str]) -> Decimal | None:
        """The finite number that became text on the way, to its last digit; `None` where none did."""
        found = self.at(parts)
        if type(found) is not str or pointer(parts) not in self._coerced:
            return None
        number = _exact(found)
        return number if number is not None and number.is_finite() else None

    def beside(self, parts: list[str], limit: float) -> tuple[Any, Any]:
        """The finite number that a pointer leads to, and `limit` as one that it can be measured against; raises
        `Unknown`."""
        number = self.exact(parts)
        return (self.number(parts), limit) if number is None else (number, _exact(repr(limit)))


class Rule:
    """A rule: `parts` lead to the fact, `tests` say what must hold of it, `level` what it comes to where it does not.

    Without a `level` the fact is a level itself.
    """

    __slots__ = ("cost", "id", "level", "message", "parts", "reason_code", "tests", "unit")

    def __init__(
        self,
        identity: str,
        parts: list[str],
        tests: dict[str, Any],
        level: str | None,
        *,
        cost: float,
        message: str | None,
        reason_code: str | None,
        unit: str | None,
    ) -> None:
        self.id = identity
        self.parts = parts
        self.tests = tests
        self.level = level
        self.cost = cost
        self.message = message
        self.reason_code = reason_code
        self.unit = unit

    def answer(self, facts: Facts, levels: Levels) -> dict[str, Any]:
        """What it comes to: the fields of a decision's rule, and its `message`."""
        found = facts.at(self.parts)
        threshold: Any = list(self.tests.values()) if len(self.tests) > 1 else next(iter(self.tests.values()))
        if "is_level" in self.tests:
            threshold = levels.blocks
        severity: str | None = None  # what is unknown is the policy's to weigh
        try:
            status, severity, reason = self._holds(found, facts, levels)
        except Unknown as exc:
            status, reason = UNKNOWN, str(exc)
        except Exception:  # whatever a fact does to a comparison
            status, reason = UNKNOWN, "rule_failed"
        return {
            "id": self.id,
            "status": status,
            "severity": severity,
            "reason_code": self.reason_code if status == FAIL and self.reason_code else reason,
            "measured": None if found is ABSENT else found,
            "threshold": threshold,
            "unit": self.unit,
            "message": self.message if status == FAIL else None,
        }

    def _holds(self, found: Any, facts: Facts, levels: Levels) -> tuple[str, str, str | None]:
        if "present" in self.tests:
            reason = _presence(found, self.tests["present"])
        elif found is ABSENT:
            raise Unknown("fact_missing")
        elif found is None and not _null_is_meant(self.tests):
            raise Unknown("fact_null")
        elif self.level is None:
            return _level(found, levels)
        else:
            reasons = (_TESTS[name](found, expected, facts, self.parts) for name, expected in self.tests.items())
            reason = next((reason for reason in reasons if reason is not None), None)
        if reason is None:
            return PASS, levels.mildest, None
        return FAIL, self.level or levels.worst, reason


def _level(found: Any, levels: Levels) -> tuple[str, str, str | None]:
    if not levels.known(found):
        raise Unknown("unknown_level")
    return (PASS, found, None) if found == levels.mildest else (FAIL, found, "level")


def _presence(found: Any, expected: bool) -> str | None:
    if (found is not ABSENT and found is not None) == expected:
        return None
    return "not_present" if expected else "present"


def _null_is_meant(tests: dict[str, Any]) -> bool:
    return ("equals" in tests and tests["equals"] is None) or None in tests.get("one_of", ())


def _maximum(_: Any, limit: Any, facts: Facts, parts: list[str]) -> str | None:
    number, limit = facts.beside(parts, limit)
    return None if number <= limit else "over_limit"


def _minimum(_: Any, limit: Any, facts: Facts, parts: list[str]) -> str | None:
    number, limit = facts.beside(parts, limit)
    return None if number >= limit else "under_limit"


def _equals(found: Any, expected: Any, facts: Facts, parts: list[str]) -> str | None:
    return None if _is_among(found, [expected], facts.exact(parts)) else "not_equal"


def _one_of(found: Any, expected: list[Any], facts: Facts, parts: list[str]) -> str | None:
    return None if _is_among(found, expected, facts.exact(parts)) else "not_one_of"


def _is_among(found: Any, expected: list[Any], number: Decimal | None) -> bool:
    """Whether a fact is one of some values, or the `number` that it was is."""
    if number is not None and any(number == _exact(repr(one)) for one in expected if type(one) in (int, float)):
        return True
    return _spelled(found) in [_spelled(coerce(one)[0]) for one in expected]


def _matches(found: Any, expected: str, *_: Any) -> str | None:
    if not isinstance(found, str):
        raise Unknown("not_a_text")
    return None if glob_fits(tuple(expected.split("*")), found) else "no_match"


def _exact(text: str) -> Decimal | None:
    """The number that a text spells, to its last digit; making and comparing one asks no context for its precision."""
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _spelled(value: Any) -> bytes:
    """Its canonical bytes: true is not 1, and 1.0 is."""
    return canonical_bytes(with_encoded_bytes(value))


_TESTS: Final[dict[str, Callable[[Any, Any, Facts, list[str]], str | None]]] = {
    "max": _maximum,
    "min": _minimum,
    "equals": _equals,
    "one_of": _one_of,
    "matches": _matches,
}
