"""Events: the envelope of a journal line, and what each type's `data` holds.

- A line is canonical JSON with exactly `data`, `seq`, `ts`, `type`, and `marks` if there is something to mark.
  `type` sorts last, so a line's type can be read off its end.
- `FIELDS` is the table of required fields; everything else inside `data` is kept as it is, and so is all of a type
  that is not in it. One that begins with `x.` is spelled as a caller may spell it.
"""

from __future__ import annotations

from runstone.core import canonical, layout
from runstone.core.digests import is_sha256
from runstone.core.ids import is_run_id
from runstone.core.limits import MAX_LABEL_NAME_BYTES, MAX_LABEL_VALUE_BYTES, MAX_LABELS
from runstone.core.words import CHECK_STATUSES, FINAL_STATUSES, LINK_RELATIONS, LOG_LEVELS, NOT_FINITE
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    Event = dict[str, Any]

_ENVELOPE: Final = ("data", "seq", "ts", "type", "marks", "running", "runstone", "rel", "digest", "sha256:")
OPENED: Final = "run.opened"
CLOSED: Final = "run.closed"
DROPPED: Final = "dropped"
ANNOTATION: Final = "annotation"
MODEL_CALLED: Final = "model.called"
MODEL_RETURNED: Final = "model.returned"


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _latin1(value: Any) -> bool:
    """Text each character of which is a byte, U+0000 to U+00FF."""
    if not isinstance(value, str):
        return False
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _maybe_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _maybe_count(value: Any) -> bool:
    return value is None or _count(value)


def _maybe_integer(value: Any) -> bool:
    return value is None or type(value) is int


def _maybe_sha256(value: Any) -> bool:
    return value is None or is_sha256(value)


def _list(value: Any) -> bool:
    return isinstance(value, list)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _maybe_texts(value: Any) -> bool:
    return value is None or _texts(value)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _maybe_object(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(map(_object, value))


def _boolean(value: Any) -> bool:
    return type(value) is bool


def _any(_: Any) -> bool:
    return True


def _number(value: Any) -> bool:
    return (type(value) in (int, float)) or value in NOT_FINITE


def _numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_number, value.values()))


def _named_version(value: Any) -> bool:
    return isinstance(value, dict) and _text(value.get("name")) and _text(value.get("version"))


def _ruleset(value: Any) -> bool:
    return isinstance(value, dict) and _text(value.get("name")) and is_sha256(value.get("sha256"))


def _maybe_git(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and _maybe_text(value.get("sha")) and _maybe_text(value.get("ref"))
    )


def _labels(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _changed_labels(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_maybe_text, value.values()))


def _flags(value: Any) -> bool:
    return isinstance(value, dict) and all(type(flag) is bool for flag in value.values())


def _link(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"digest", "rel", "run_id"}:
        return False
    digest = value["digest"]
    return (
        value["rel"] in LINK_RELATIONS
        and is_run_id(value["run_id"])
        and (digest is None or (_text(digest) and digest.startswith("sha256:") and is_sha256(digest[7:])))
    )


def links_fit(value: Any) -> bool:
    """Whether links have the form of the format: a list of them, sorted and distinct."""
    if not isinstance(value, list) or not all(map(_link, value)):
        return False
    if len(value) < 2:
        return True
    spelled = [canonical.canonical_bytes(item) for item in value]
    return spelled == sorted(set(spelled))


_ARTIFACT: Final[dict[str, Callable[[Any], bool]]] = {
    "name": _text,
    "type": _text,
    "ref": _maybe_text,
    "sha256": _maybe_sha256,
    "size": _maybe_count,
    "media_type": _maybe_text,
    "path": _maybe_text,
}

FIELDS: Final[dict[str, dict[str, Callable[[Any], bool]]]] = {
    OPENED: {
        "run_id": is_run_id,
        "kind": _text,
        "version": _maybe_text,
        "contract": _named_version,
        "generator": _named_version,
        "ruleset": _ruleset,
        "labels": _labels,
        "links": links_fit,
        "idempotency": _maybe_object,
        "argv": _maybe_texts,
        "cwd": _maybe_text,
        "git": _maybe_git,
        "platform": _maybe_object,
        "entry": _maybe_text,
    },
    "git": {"sha": _maybe_text, "ref": _maybe_text, "dirty": lambda value: value is None or type(value) is bool},
    "config": {"value": _any, "sources": _object, "volatile": _texts},
    "input": _ARTIFACT,
    "output": _ARTIFACT,
    "check": {"id": _text, "name": _text, "status": lambda value: value in CHECK_STATUSES, "evidence": _texts},
    "log": {},
    "metric": {"values": _numbers, "step": _maybe_integer},
    "decision": {
        "call": _maybe_text,
        "outcome": _maybe_text,
        "risk_level": _maybe_text,
        "score": _any,
        "block_reason": _maybe_text,
        "warnings": _list,
        "rules": _objects,
        "details": _any,
        "policy": _maybe_object,
    },
    "tool.called": {
        "call": _text,
        "parent": _maybe_text,
        "name": _text,
        "contract_sha256": _maybe_sha256,
        "args": _any,
    },
    "tool.returned": {
        "call": _text,
        "status": _text,
        "result": _any,
        "error": _any,
        "duration_ns": _maybe_count,
        "attempts": _count,
    },
    "contract": {"sha256": is_sha256, "document": _object},
    "approval": {
        "call": _text,
        "outcome": _text,
        "by": _maybe_text,
        "reason": _maybe_text,
        "rule": _text,
    },
    MODEL_CALLED: {
        "call": _text,
        "parent": _maybe_text,
        "model": _text,
        "provider": _maybe_text,
        "prompt": _object,
        "parameters": _any,
    },
    MODEL_RETURNED: {
        "call": _text,
        "status": _text,
        "output": _maybe_object,
        "usage": _maybe_object,
        "cost": _maybe_object,
        "finish_reason": _maybe_text,
        "error": _any,
        "duration_ns": _maybe_count,
        "attempts": _count,
    },
    "evidence": {"query": _any, "corpus": _any, "passages": _list},
    "citation": {"ids": _texts},
    "score": {"name": _text, "value": _number},
    "verdict": {"ok": _boolean, "baseline": _maybe_object, "rules": _objects},
    "state": {"thread": _text, "namespace": _text, "step": _maybe_integer, "sha256": _maybe_sha256},
    "phase": {"name": _text, "status": _text},
    "note": {"text": _text},
    "now": {"time": _text},
    "uuid": {"uuid": _text},
    "seed": {"name": _text, "seed": _count},
    "environment": {"variables": _labels},
    "replay": {"mode": _text, "live": _texts, "guards": _objects},
    "divergence": {"reason": _text, "message": _text, "expected": _maybe_object, "found": _maybe_object},
    "context": {"request_id": _maybe_text, "tenant": _maybe_text, "user": _maybe_text, "versions": _labels},
    ANNOTATION: {"labels": _changed_labels, "aliases": _flags},
    "child": {
        "run_id": is_run_id,
        "digest": _maybe_text,
        "status": lambda value: value in FINAL_STATUSES or value == "running",
    },
    DROPPED: {"events": _count, "bytes": _count, "reason": _text, "sha256": _maybe_sha256},
    CLOSED: {
        "status": lambda value: value in FINAL_STATUSES,
        "exit": _maybe_integer,
        "error": _any,
        "result": _any,
        "duration_ns": _maybe_count,
        "redactions": _count,
        "dropped": _count,
        "resources": _maybe_object,
        "torn_bytes": _count,
        "lost": _texts,
    },
}

WORDS: Final = frozenset(FIELDS).union(
    *FIELDS.values(), _ENVELOPE, FINAL_STATUSES, CHECK_STATUSES, LINK_RELATIONS, LOG_LEVELS
)
"""Texts that stand in every record: taken out of one, it could not be read."""

USER_TYPES: Final = (
    "evidence", "score", "state", "phase", "decision", "tool.called", "tool.returned", "child", "context",
)  # fmt: skip
"""Kernel types that a caller may record with `Run.event`, whether or not a method does more."""


def data_problem(kind: str, data: Any) -> str | None:
    """What is wrong with an event of type `kind` that has this `data`, or `None`."""
    if type(data) is not dict:
        return "data is not an object"
    if kind not in _CHECKS:
        return None if kind in _GOOD_TYPES or not kind.startswith("x.") else _type_problem(kind)
    for field, types, fits in _CHECKS[kind]:
        if field not in data:
            return f"data has no field {field!r}"
        if type(data[field]) not in types and not fits(data[field]):
            return f"data.{field} has a value that it cannot have"
    return _MORE_CHECKS[kind](data) if kind in _MORE_CHECKS else None


def _log_problem(data: Mapping[str, Any]) -> str | None:
    return None if _log_fits(data) else "data is neither level and text nor stream and text or latin1"


def _type_problem(kind: str) -> str | None:
    if not is_event_type(kind):
        return "a type that begins with `x.` is words of a-z 0-9 _ - with dots between, 128 characters at most"
    if len(_GOOD_TYPES) >= _MAX_GOOD_TYPES:
        _GOOD_TYPES.clear()
    _GOOD_TYPES.add(kind)
    return None


_MAX_GOOD_TYPES: Final = 1024
_GOOD_TYPES: Final[set[str]] = set()
"""Types of callers' own that were found good: journals have the same ones again and again."""


def _artifact_problem(data: Mapping[str, Any]) -> str | None:
    """What is wrong with where an input or output says that its bytes are kept."""
    path = data["path"]
    if path is None:
        return None
    if not path.startswith(layout.ARTIFACTS + "/") or layout.path_problem(path):
        return f"data.path is no path below {layout.ARTIFACTS}/"
    if data["sha256"] is None or data["size"] is None:
        return "data.path names a file of which there is no sha256 or no size"
    return None


def _closed_problem(data: Mapping[str, Any]) -> str | None:
    lost = data["lost"]
    return None if len(lost) < 2 or lost == sorted(set(lost)) else "data.lost is not sorted, or has a path twice"


def _annotation_problem(data: Mapping[str, Any]) -> str | None:
    """What is wrong with the optional members of an annotation."""
    if not _maybe_text(data.get("name")):
        return "data.name has a value that it cannot have"
    if not _text(data.get("by", "")):
        return "data.by has a value that it cannot have"
    override = data.get("override", {"outcome": "", "reason": ""})
    if not _object(override) or not (_text(override.get("outcome")) and _text(override.get("reason"))):
        return "data.override has a value that it cannot have"
    return None


_NULL: Final = type(None)
_TYPES: Final[dict[Callable[[Any], bool], frozenset[type]]] = {
    _text: frozenset({str}),
    _maybe_text: frozenset({str, _NULL}),
    _maybe_integer: frozenset({int, _NULL}),
    _maybe_count: frozenset({_NULL}),
    _maybe_sha256: frozenset({_NULL}),
    _list: frozenset({list}),
    _object: frozenset({dict}),
    _maybe_object: frozenset({dict, _NULL}),
    _number: frozenset({int, float}),
    _any: frozenset({dict, list, str, int, float, bool, _NULL}),
}
"""Types of which every value fits: `FIELDS` without the calls."""

_CHECKS: Final = {
    kind: tuple((field, _TYPES.get(fits, frozenset()), fits) for field, fits in fields.items())
    for kind, fields in FIELDS.items()
}

_MORE_CHECKS: Final = {
    "log": _log_problem,
    "input": _artifact_problem,
    "output": _artifact_problem,
    ANNOTATION: _annotation_problem,
    CLOSED: _closed_problem,
}


def _log_fits(data: Mapping[str, Any]) -> bool:
    if "stream" in data:
        piece = _latin1(data["latin1"]) if "latin1" in data else _text(data.get("text"))
        return piece and _text(data["stream"]) and not ("text" in data and "latin1" in data)
    return data.get("level") in LOG_LEVELS and _text(data.get("text"))


def is_event_type(kind: Any) -> bool:
    """Whether a caller may name an event so: `x.` and words of `a-z 0-9 _ -` between dots."""
    if not isinstance(kind, str) or not kind.startswith("x.") or len(kind) > 128:
        return False
    return all(part and _WORD.issuperset(part) for part in kind.split("."))


_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def check_labels(labels: Mapping[str, Any]) -> dict[str, str]:
    """`labels` as text by text within the limits; raises `invalid_label`."""
    if len(labels) > MAX_LABELS:
        raise error("invalid_label", f"{len(labels)} labels; the limit is {MAX_LABELS}", limit=MAX_LABELS)
    result: dict[str, str] = {}
    for name, value in labels.items():
        if not isinstance(name, str) or not 0 < len(name.encode("utf-8", "replace")) <= MAX_LABEL_NAME_BYTES:
            rule = f"a label's name is text of 1 to {MAX_LABEL_NAME_BYTES} bytes"
            raise error("invalid_label", f"{rule}; found {excerpt(repr(name))}", name=excerpt(str(name)))
        text = value if isinstance(value, str) else str(value)
        if len(text.encode("utf-8", "replace")) > MAX_LABEL_VALUE_BYTES:
            raise error("invalid_label", f"label {name!r} has more than {MAX_LABEL_VALUE_BYTES} bytes", name=name)
        result[name] = text
    return result


def check_links(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Links sorted by canonical bytes, duplicates removed; raises `invalid_link`."""
    whole = [{"digest": None, **item} if isinstance(item, dict) else item for item in links]
    for item in whole:
        if not _link(item):
            rule = f"a link has rel ({', '.join(LINK_RELATIONS)}), run_id, and digest (sha256:<hex>, or None)"
            raise error("invalid_link", f"{rule}; found {excerpt(str(item), 200)}", relations=list(LINK_RELATIONS))
    spelled = {canonical.canonical_bytes(item): item for item in whole}
    return [spelled[key] for key in sorted(spelled)]


def event_line(kind: str, data: bytes, seq: int, ts: str, marks: list[list[str]]) -> bytes:
    """A journal line from the canonical bytes of its `data`."""
    marked = b""
    if marks:
        spelled = sorted({canonical.canonical_bytes(mark) for mark in marks})
        marked = b'"marks":[%b],' % b",".join(spelled)
    return b'{"data":%b,%b"seq":%d,"ts":"%b","type":"%b"}\n' % (data, marked, seq, ts.encode(), kind.encode())
