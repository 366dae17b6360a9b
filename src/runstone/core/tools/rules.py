"""A policy over calls of tools: data and a pure function, by the digest of the data.

- A call is let through unless a rule fires; the first that does is the answer. In this order: `deny`, `allow`,
  `side_effects`, `bounds`, then budgets and rate (`core.tools.limits`), then what asks for an approval.
- What is not known blocks: a tool without a contract has an unknown side effect, an argument that is not there is not
  within its bounds.
- Rules look at arguments as they are given; what they tell of them is what the record shows.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.parsing import load
from runstone.core.policy.decision import PASS, UNKNOWN
from runstone.core.policy.levels import Levels
from runstone.core.policy.loading import Place, parts_of
from runstone.core.policy.rule import ABSENT, Facts, Rule
from runstone.core.query import glob_fits
from runstone.core.times import SECOND_NS
from runstone.core.tools.limits import BLOCK, Limits, check_budget, count, fired
from runstone.core.values import Coerced, coerce
from runstone.core.words import SIDE_EFFECTS
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

CODE: Final = "invalid_call_policy"
SETTINGS: Final = (
    *("name", "version", "about", "allow", "deny", "side_effects"),
    *("approval", "budget", "rate", "bounds"),
)
BOUND_SETTINGS: Final = ("tool", "path", "min", "max", "in", "optional")
MAX_RATE_S: Final = 31_536_000
_LEVELS: Final = Levels(("allow", BLOCK), BLOCK, None)


class Asked:
    """A call that is to be decided on: which tool, its side effect (`None`: not known), its arguments as `facts`, and
    as the record shows them (`Coerced`, or as the recorder's door has yet to write them)."""

    __slots__ = ("_shown", "facts", "side_effect", "tool")

    def __init__(self, tool: str, side_effect: str | None, facts: Facts, shown: Any) -> None:
        self.tool = tool
        self.side_effect = side_effect
        self.facts = facts
        self._shown = shown

    @property
    def shown(self) -> Facts:
        """What the record shows: made when a rule tells of it."""
        shown = self._shown
        return Facts(shown.value if type(shown) is Coerced else coerce(shown)[0], frozenset())


class _CallPlace(Place):
    """A table of a call policy."""

    __slots__ = ()
    code = CODE
    thing = "the call policy"


class _Bound:
    """What an argument of some tools must be."""

    __slots__ = ("_optional", "_rule", "_tool")

    def __init__(self, place: Place, number: int) -> None:
        tests = {name: place.value[name] for name in ("min", "max") if name in place.value}
        for name in tests:
            place.number(name)
        if "in" in place.value:
            tests["one_of"] = place.value["in"]
        if not tests or ("one_of" in tests and len(tests) > 1):
            raise place.wrong("needs 'min', 'max' or both, or 'in'")
        if "one_of" in tests and not (isinstance(tests["one_of"], (list, tuple)) and tests["one_of"]):
            raise place.wrong("has an 'in' that is no list of values")
        if type(place.value.get("optional", False)) is not bool:
            raise place.wrong("has an 'optional' that is neither true nor false")
        self._tool = _glob(place.text("tool"))
        self._optional: bool = place.value.get("optional", False)
        parts, settings = parts_of(place, "path"), {"message": None, "reason_code": None, "unit": None}
        self._rule = Rule(f"bounds/{number}", parts, tests, BLOCK, cost=0, **settings)

    def broken(self, asked: Asked) -> dict[str, Any] | None:
        """The rule, where a call of its tool breaks it."""
        if not glob_fits(self._tool, asked.tool):
            return None
        if self._optional and asked.facts.at(self._rule.parts) is ABSENT:
            return None
        answer = self._rule.answer(asked.facts, _LEVELS)
        if answer["status"] == PASS:
            return None
        reason = _REASONS.get(answer["reason_code"], answer["reason_code"])
        shown = asked.shown.at(self._rule.parts)
        measured = None if shown is ABSENT else shown
        return fired(answer["id"], reason, measured, answer["threshold"], None, answer["status"])


_REASONS: Final = {"fact_missing": "argument_missing", "fact_null": "argument_null"}


class CallPolicy:
    """Rules over the calls of a run. `sha256` is the digest of the canonical bytes of `data`, all but `about`."""

    __slots__ = (
        *("_allow", "_approval_effects", "_approval_tools", "_bounds", "_deny", "_effects"),
        *("data", "limits", "name", "sha256", "version"),
    )

    def __init__(self, document: Any, path: str = "policy") -> None:
        whole = _CallPlace(document, path, "", {}, SETTINGS)
        self.name = whole.text("name")
        self.version = whole.text("version")
        self._deny = _globs(whole.texts("deny") or ())
        allow = whole.texts("allow")
        self._allow = None if allow is None else _globs(allow)
        self._effects = _effects(whole)
        approval = whole.table("approval", ("tools", "side_effects"))
        self._approval_tools = _globs(() if approval is None else approval.texts("tools") or ())
        self._approval_effects = () if approval is None else _effects(approval) or ()
        self._bounds = [_Bound(place, at) for at, place in enumerate(whole.tables("bounds", BOUND_SETTINGS))]
        self.limits = _limits(whole)
        try:
            spelled = canonical_bytes({key: value for key, value in whole.value.items() if key != "about"})
        except RunstoneError as exc:
            raise whole.wrong(f"holds something that JSON cannot hold: {exc.message}") from None
        self.data: dict[str, Any] = load(spelled)
        self.sha256 = sha256_hex(spelled)

    @classmethod
    def of(cls, document: Any, path: str = "policy") -> CallPolicy:
        """The policy of a document, taken whole or not at all; raises `invalid_call_policy`, which says where."""
        return cls(dict(document) if hasattr(document, "keys") else document, path)

    @property
    def told(self) -> dict[str, str]:
        """What a decision says of it."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}

    def forbids(self, asked: Asked) -> dict[str, Any] | None:
        """The first rule that no approval and no other moment would change."""
        tool, effect = asked.tool, asked.side_effect
        denied = _first(self._deny, tool)
        if denied is not None:
            return fired("deny", "tool_denied", tool, denied)
        if self._allow is not None and _first(self._allow, tool) is None:
            return fired("allow", "tool_not_allowed", tool, ["*".join(parts) for parts in self._allow])
        if self._effects is not None and effect not in self._effects:
            reason, status = _weighed(effect, "side_effect_not_allowed")
            return fired("side_effects", reason, effect, list(self._effects), None, status)
        return next((rule for bound in self._bounds if (rule := bound.broken(asked))), None)

    def needs_approval(self, asked: Asked) -> dict[str, Any] | None:
        """The rule by which somebody must be asked."""
        named = _first(self._approval_tools, asked.tool)
        if named is not None:
            return fired("approval.tools", "approval_needed", asked.tool, named)
        if self._approval_effects and (asked.side_effect is None or asked.side_effect in self._approval_effects):
            reason, status = _weighed(asked.side_effect, "approval_needed")
            threshold = list(self._approval_effects)
            return fired("approval.side_effects", reason, asked.side_effect, threshold, None, status)
        return None

    def __repr__(self) -> str:
        return f"<CallPolicy {self.name} {self.version}>"


def _limits(whole: Place) -> Limits:
    budget = whole.table("budget", ("calls", "tokens", "cost"))
    if budget is not None:
        check_budget(budget)
    rate = whole.table("rate", ("calls", "per_s"))
    if rate is None:
        return Limits({} if budget is None else budget.value, None)
    calls = count(rate, "calls")
    if calls is None or "per_s" not in rate.value:
        raise rate.wrong("needs 'calls' and 'per_s'")
    per_s = rate.number("per_s")
    if not 0 < per_s <= MAX_RATE_S:
        raise rate.wrong(f"has a 'per_s' that is not above 0 and at most {MAX_RATE_S}")
    return Limits({} if budget is None else budget.value, (calls, int(per_s * SECOND_NS)))


def _effects(place: Place) -> tuple[str, ...] | None:
    found = place.texts("side_effects")
    if found is not None and not set(found) <= set(SIDE_EFFECTS):
        raise place.wrong(f"has 'side_effects' that are none of {', '.join(SIDE_EFFECTS)}")
    return found


def _weighed(effect: str | None, reason: str) -> tuple[str, str]:
    """Reason code and status of a rule over side effects."""
    return ("side_effect_unknown", UNKNOWN) if effect is None else (reason, "fail")


def _glob(text: str) -> tuple[str, ...]:
    return tuple(text.split("*"))


def _globs(texts: Iterable[str]) -> list[tuple[str, ...]]:
    return [_glob(text) for text in texts]


def _first(globs: list[tuple[str, ...]], name: str) -> str | None:
    return next(("*".join(parts) for parts in globs if glob_fits(parts, name)), None)
