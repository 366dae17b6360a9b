"""How the two sides of a difference read, section by section, and how far apart they are."""

from __future__ import annotations

import json

from runstone.core.diff.difference import ADDED, REMOVED
from runstone.core.digests import PREFIX
from runstone.core.readable import MAX_DIGITS, MAX_WHOLE, count_text, number_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.core.diff.difference import Difference

_SHORT_DIGITS: Final = 12
_MAX_PLACE: Final = 24
_PERCENT_DIGITS: Final = 3
_RESERVED: Final = frozenset({"", "null", "true", "false"})


def side_texts(item: Difference) -> dict[str, str]:
    """`a` and `b`, only those that have the thing, as they read in a line."""
    if item.lines is not None:
        return {}
    spell = _SPELLED.get(item.section, _plain)
    sides = {} if item.change == ADDED else {"a": item.a}
    if item.change != REMOVED:
        sides["b"] = item.b
    return {side: spell(value, item) for side, value in sides.items()}


def head_texts(item: Difference) -> dict[str, str]:
    """How the texts of the sides begin that are cut last: which event it is, and the place in it where it is one."""
    if item.section != "journal":
        return {}
    return {side: _head(value) for side, value in (("a", item.a), ("b", item.b)) if value}


def change_text(item: Difference) -> str:
    """`+0.5 (+10 %)`, where there is arithmetic; where the journals part, in which place; what a sample became."""
    if item.section == "journal":
        return _PARTED[item.name]
    if item.section == SAMPLES:
        apart = [] if item.difference is None else [number_text(item.difference, sign="+")]
        return " ".join([*apart, item.note or ""]).rstrip()
    if item.difference is None or item.section in _SIZED:
        return ""
    relative = "" if item.relative is None else f" ({percent_text(item.relative)})"
    return number_text(item.difference, sign="+") + relative


SAMPLES: Final = "samples"

_SIZED: Final = ("inputs", "outputs")
"""Their difference is one of sizes, which stand there."""

_PARTED: Final = {
    "first": "they differ at their first event",
    "middle": "they part in the middle",
    "last": "they differ at their last event only",
    "length": "one ends where the other goes on",
}


def percent_text(relative: float) -> str:
    """`+2.5 %`, in three digits or more; what is not 100 % is not shown as that."""
    percent = 100 * relative
    digits = _PERCENT_DIGITS
    while digits < MAX_DIGITS and abs(percent) != 100 and abs(float(_fixed(percent, digits))) == 100:
        digits += 1
    return f"{_fixed(percent, digits)} %"


def _fixed(percent: float, digits: int) -> str:
    """A number with its sign, without an exponent unless that is far from 1."""
    if not 1e-9 <= abs(percent) < MAX_WHOLE:
        return f"{percent:+.{digits}g}"
    power = int(f"{percent:.{digits - 1}e}".partition("e")[2])
    text = f"{percent:+.{max(0, digits - 1 - power)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_text(value: Any) -> str:
    """JSON in a line; text as it is, but where it would read as something else."""
    if isinstance(value, str) and value not in _RESERVED and value == value.strip() and not _reads_as_number(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def short(digest: str) -> str:
    """The first digits of a digest."""
    return digest.removeprefix(PREFIX)[:_SHORT_DIGITS]


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text[:1] in ('"', "[", "{")
    return True


def _plain(value: Any, _: Difference) -> str:
    return value_text(value)


def _cell(value: Any, _: Difference) -> str:
    """Text of a table is text, whatever it reads as."""
    return value if isinstance(value, str) and value.strip() else value_text(value)


def _command(value: Any, item: Difference) -> str:
    if item.name == "argv" and isinstance(value, list):
        return " ".join(word if word and not set(word) & set(" \t\n\"'\\$`") else json.dumps(word) for word in value)
    return value_text(value)


def _artifact(value: dict[str, Any], item: Difference) -> str:
    """Short digest, size, and what else differs of it."""
    other = item.b if value is item.a else item.a
    words = [short(value["sha256"]) if value["sha256"] else "no digest"]
    words += [count_text(value["size"], "byte")] if value["size"] is not None else []
    for field in ("type", "ref", "problem"):
        differs = not isinstance(other, dict) or other[field] != value[field]
        shown = differs or (field == "ref" and value["sha256"] is None)
        if value[field] is not None and shown and (field, value[field]) != ("type", "file"):
            words.append(str(value[field]))
    return ", ".join([*words, *(["kept"] if value["path"] else [])])


def _metric(value: dict[str, Any], item: Difference) -> str:
    """The last value; of the others those that differ, or all where one side has none, if they tell more."""
    other = item.b if value is item.a else item.a
    if not isinstance(other, dict):
        fields = ["min", "max", "count"]
    else:
        fields = [name for name in ("min", "max", "count") if other[name] != value[name]]
        fields = [name for name in fields if any(row[name] != row["last"] for row in (value, other)) or name == "count"]
    others = [f"{name} {_exact(value[name])}" for name in fields]
    return _exact(value["last"]) + (f" ({', '.join(others)})" if others else "")


def _exact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _rule(value: dict[str, Any], _: Difference) -> str:
    """Status, what was measured, against which threshold, how far from it, and why."""
    words = [] if value["status"] is None else [value_text(value["status"])]
    known = [field for field in ("measured", "threshold") if value[field] is not None]
    words += [f"{field} {value_text(value[field])}" for field in known]
    if known and value["unit"] is not None:
        words[-1] += f" {value['unit']}"
    if value["distance"] is not None:
        relative = value["relative_distance"]
        share = "" if relative is None else f", {percent_text(relative)}"
        words[-1] += f" ({number_text(value['distance'], sign='+')}{share})"
    return ", ".join([*words, *(value_text(value[field]) for field in ("severity", "reason_code") if value[field])])


def _call(value: dict[str, Any], _: Difference) -> str:
    result = value["result_sha256"]
    name = [value["name"]] if "name" in value else []
    digests = [
        f"args {short(value['args_sha256'])}",
        f"result {short(result)}" if result else "no result",
    ]
    return ", ".join([f"line {value['line']}", *name, value["status"], *digests])


def _link(value: dict[str, Any], _: Difference) -> str:
    return " ".join(part for part in (value["run_id"], value["digest"]) if part)


def _event(value: dict[str, Any], _: Difference) -> str:
    """Where, what, and only the places that differ."""
    places = [f"{at} {value_text(found)}" for at, found in value["at"].items()]
    return "  ".join([f"line {value['line']} of {value['lines']}", value["type"], *places])


def _head(value: dict[str, Any]) -> str:
    """As `_event` begins."""
    names = list(value["at"])
    place = f"{names[0]} " if len(names) == 1 and len(names[0]) <= _MAX_PLACE else ""
    return f"line {value['line']} of {value['lines']}  {value['type'][:_MAX_PLACE]}" + (f"  {place}" if place else "")


_SPELLED: Final[dict[str, Callable[[Any, Difference], str]]] = {
    "command": _command,
    "content": _cell,
    "inputs": _artifact,
    "journal": _event,
    "links": _link,
    "metrics": _metric,
    "outputs": _artifact,
    "rules": _rule,
    "samples": lambda value, _: _exact(value),
    "scores": lambda value, _: _exact(value),
    "tools": _call,
}
