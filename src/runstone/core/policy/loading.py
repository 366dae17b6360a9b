"""A policy from data: a mapping, or the bytes of a TOML or JSON file.

It is taken whole or not at all: a setting that is not known, a rule without a comparison, an example that comes to
something else than it says are refused, with the place.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes, tokens
from runstone.core.parsing import parse_json
from runstone.core.policy.decision import PASS
from runstone.core.policy.levels import levels_problem
from runstone.core.policy.policy import Policy
from runstone.core.policy.rule import COMPARISONS, Facts, Rule, Unknown
from runstone.core.values import COERCED, coerce, is_finite, plain_key
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final, Self

    from runstone.core.policy.levels import Levels

SETTINGS: Final = ("name", "version", "about", "levels", "blocks", "review", "score", "rules", "examples")
RULE_SETTINGS: Final = ("id", "fact", "level", "unit", "message", "reason_code", "cost", "about", *COMPARISONS)
EXPECTED: Final = ("outcome", "level", "score", "failed")
"""What an example may say of the decision; `failed` are the ids of the rules that do not hold, in any order."""


class Place:
    """A table of the source, read with errors that say where. What else is data in the same spirit has other words for
    itself: `code` of its errors, and `thing`."""

    __slots__ = ("_lines", "_path", "pointer", "value")

    code = "invalid_policy"
    thing = "the policy"

    def __init__(self, value: Any, path: str, pointer: str, lines: Mapping[str, int], known: tuple[str, ...]) -> None:
        self._path = path
        self._lines = lines
        self.pointer = pointer
        if not isinstance(value, dict):
            raise self.wrong("is no table")
        self.value = value
        for key in value:
            if key not in known:
                raise self.wrong(f"has no setting {excerpt(str(key), 40)!r}; known are {', '.join(known)}")

    def wrong(self, problem: str) -> Exception:
        """The error that something here is not as it must be."""
        line = self._lines.get(self.pointer)
        where = f"{self._path}{'' if line is None else f':{line}'}: {self.pointer or self.thing}"
        found = {} if line is None else {"line": line}
        return error(self.code, f"{where} {problem}", path=self._path, json_path=self.pointer, **found)

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self.value.get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(f"needs {key!r}, a text" if value is None else f"has a {key!r} that is no text, or empty")
        return value

    def maybe_text(self, key: str) -> str | None:
        """A text, if it is there."""
        return None if self.value.get(key) is None else self.text(key)

    def number(self, key: str) -> Any:
        """A finite number that must be there."""
        value = self.value[key]
        if type(value) not in (int, float) or not is_finite(value):
            raise self.wrong(f"has a {key!r} that is no finite number")
        return value

    def table(self, key: str, known: tuple[str, ...]) -> Self | None:
        """A table, if it is there."""
        value = self.value.get(key)
        if value is None:
            return None
        return type(self)(value, self._path, f"{self.pointer}/{key}", self._lines, known)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, if it is there."""
        value = self.value.get(key)
        if value is None:
            return None
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(f"has {key!r} as something else than a list of texts")
        return tuple(value)

    def tables(self, key: str, known: tuple[str, ...]) -> list[Self]:
        """The tables of a list, which may be absent."""
        value = self.value.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(f"has {key!r} as one value; it is a list of tables")
        return [type(self)(item, self._path, f"/{key}/{at}", self._lines, known) for at, item in enumerate(value)]


class Rules:
    """The pure function of a policy that is data."""

    __slots__ = ("_levels", "_rules", "_score")

    def __init__(self, rules: list[Rule], levels: Levels, score: Any) -> None:
        self._rules = rules
        self._levels = levels
        self._score = score

    def __call__(self, facts: Any) -> dict[str, Any]:
        """What each rule comes to, and the score."""
        tree, marks = coerce(facts)
        known = Facts(tree, frozenset(at for at, mark in marks if mark == COERCED))
        answers = [rule.answer(known, self._levels) for rule in self._rules]
        return {"rules": answers, "score": self._scored(known, answers)}

    def _scored(self, facts: Facts, answers: list[dict[str, Any]]) -> Any:
        if isinstance(self._score, list):
            try:
                return facts.number(self._score)
            except Unknown:
                return "NaN"
        if self._score is None:
            return None
        lost = [rule.cost for rule, answer in zip(self._rules, answers, strict=True) if answer["status"] != PASS]
        return self._score - sum(lost)


def policy_from_bytes(data: bytes, path: str) -> Policy:
    """The policy of a file, `path` ending with `.json`, else TOML. Raises `invalid_policy`."""
    value = document_of(data, path, "invalid_policy")
    return policy_from(value, path, {} if path.endswith(".json") else _lines(data.decode(), value))


def document_of(data: bytes, path: str, code: str) -> Any:
    """What a file holds, JSON where `path` ends with `.json`, else TOML. Raises an error of `code`."""
    if path.endswith(".json"):
        try:
            return parse_json(data)
        except RunstoneError as exc:
            raise error(code, f"{path}: {exc.message}", **{**exc.details, "path": path}) from None
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise error(code, f"{path}: {exc}", path=path) from None


def _lines(text: str, value: dict[str, Any]) -> dict[str, int]:
    """The lines in which tables of lists begin, where that is plain: TOML's reader does not tell them."""
    found: dict[str, int] = {}
    for key in ("rules", "examples"):
        heads = [number for number, line in enumerate(text.split("\n"), 1) if line.strip() == f"[[{key}]]"]
        if isinstance(value.get(key), list) and len(heads) == len(value[key]):
            found |= {f"/{key}/{at}": line for at, line in enumerate(heads)}
    return found


def policy_from(value: Any, path: str = "policy", lines: Mapping[str, int] | None = None) -> Policy:
    """The policy of a mapping; raises `invalid_policy`."""
    whole = Place(dict(value) if hasattr(value, "keys") else value, path, "", lines or {}, SETTINGS)
    given = whole.value
    name, version, review = whole.text("name"), whole.text("version"), given.get("review")
    if problem := levels_problem(given.get("levels"), given.get("blocks"), review):
        raise whole.wrong(f"has a setting {problem[0]!r} that {problem[1]}")
    places = whole.tables("rules", RULE_SETTINGS)
    if not places:
        raise whole.wrong("has no rule: nothing would ever be blocked")
    rules: list[Rule] = []
    for place in places:
        rules.append(_rule(place, given["levels"]))
        if any(rule.id == rules[-1].id for rule in rules[:-1]):
            raise place.wrong(f"has the id of another rule, {rules[-1].id!r}")
    score = _score(whole)
    data = {"score": given.get("score"), "rules": [_deciding(place.value) for place in places]}
    _check_json(whole, data)
    from runstone.core.policy.levels import Levels

    levels = Levels(tuple(given["levels"]), given["blocks"], review)
    function = Rules(rules, levels, score)
    policy = Policy(name, version, function, levels=levels.order, blocks=levels.blocks, review=review, data=data)
    for example in whole.tables("examples", ("facts", "about", *EXPECTED)):
        _prove(example, policy)
    return policy


def _deciding(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in rule.items() if key != "about"}


def _check_json(whole: Place, data: Any) -> None:
    try:
        canonical_bytes(data)
    except RunstoneError as exc:
        raise whole.wrong(f"holds something that JSON cannot hold: {exc.message}") from None


def _score(whole: Place) -> Any:
    """`None`, the number that costs are taken from, or the parts of the pointer to the fact."""
    value = whole.value.get("score")
    if value is None or type(value) in (int, float):
        return None if value is None else whole.number("score")
    return parts_of(whole, "score")


def parts_of(place: Place, key: str) -> list[str]:
    """The parts of a JSON Pointer that must be there, as the recorder's door spells the keys."""
    text = place.text(key)
    if not text.startswith("/"):
        raise place.wrong(f"has a {key!r} that is no JSON Pointer, as /blade/rim_speed; found {excerpt(text)!r}")
    return [plain_key(part) for part in tokens(text)]


def _rule(place: Place, levels: list[str]) -> Rule:
    identity, parts = place.text("id"), parts_of(place, "fact")
    tests = {name: place.value[name] for name in ("min", "max", *COMPARISONS) if name in place.value}
    if len(tests) != 1 and set(tests) != {"min", "max"}:
        raise place.wrong(f"needs one comparison, or min and max: {', '.join(COMPARISONS)}")
    for name in tests:
        _check_test(place, name)
    if len(tests) == 2 and tests["min"] > tests["max"]:
        raise place.wrong("has a 'min' that is over its 'max': nothing would ever hold")
    level = None if "is_level" in tests else place.text("level")
    if "is_level" in tests and "level" in place.value:
        raise place.wrong("has a 'level', and a fact that is one")
    if level is not None and level not in levels[1:]:
        raise place.wrong(
            f"has a 'level' that is none of {', '.join(levels[1:])}: what it comes to if it does not hold"
        )
    return Rule(
        identity,
        parts,
        tests,
        level,
        cost=place.number("cost") if "cost" in place.value else 0,
        message=place.maybe_text("message"),
        reason_code=place.maybe_text("reason_code"),
        unit=place.maybe_text("unit"),
    )


def _check_test(place: Place, name: str) -> None:
    value = place.value[name]
    if name in ("max", "min"):
        place.number(name)
    elif name == "matches":
        place.text(name)
    elif name == "one_of" and not (isinstance(value, list) and value):
        raise place.wrong("has a 'one_of' that is no list of values")
    elif name == "present" and not isinstance(value, bool):
        raise place.wrong("has a 'present' that is neither true nor false")
    elif name == "is_level" and value is not True:
        raise place.wrong("has an 'is_level' that is not true")


def _prove(example: Place, policy: Policy) -> None:
    """An example comes to what it says."""
    given = example.value
    if "facts" not in given or not any(key in given for key in EXPECTED):
        raise example.wrong(f"needs 'facts' and what they come to: {', '.join(EXPECTED)}")
    decision = policy.decide(given["facts"])
    failed = sorted(rule["id"] for rule in decision.rules if rule["status"] != PASS)
    found = {"outcome": decision.outcome, "level": decision.risk_level, "score": decision.score, "failed": failed}
    for key in EXPECTED:
        expected = given.get(key, found[key])
        expected = sorted(map(str, expected)) if key == "failed" and isinstance(expected, list) else expected
        if expected != found[key]:
            reason = f" ({decision.block_reason})" if decision.block_reason else ""
            raise example.wrong(f"says {key} {expected!r}; the policy comes to {found[key]!r}{reason}")
