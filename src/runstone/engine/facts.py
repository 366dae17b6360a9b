"""What a caller hands in, as the fields of an event: text, numbers and exceptions that anybody's program may hold."""

from __future__ import annotations

import os

from runstone.core import canonical
from runstone.core.events import USER_TYPES, data_problem, is_event_type
from runstone.core.faults import FaultError, attempt
from runstone.core.limits import MAX_KEY_BYTES, MAX_LINE_BYTES
from runstone.core.redaction.redactor import FAILED, MARK
from runstone.core.values import COERCED, Coerced, coerce, free_key, is_finite, key_text, non_finite_text, plain_key
from runstone.core.words import CHECK_STATUSES
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    from runstone.core.redaction.known import Known
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark

ENVELOPE_BYTES: Final = 256
"""More than what stands in a line around its data and marks."""

MESSAGE_CHARACTERS: Final = 64_000
TRACEBACK_CHARACTERS: Final = 16_000

MAX_TYPES: Final = 1024
"""So many types of events are remembered."""

WITHHELD: Final = "left out: it may quote a prompt or an answer of a model"
_WITHHELD: Final = "__runstone_withheld__"
_KEPT_OUT: Final = "__runstone_kept_out__"

LOST: Final = "run.log:line:0"
"""The reference to a message that could not be recorded; it is no evidence."""


def text_of(value: Any) -> str:
    """`value` as it shows itself; its type's name where showing it fails; of an exception that is withheld nothing."""
    if isinstance(value, BaseException) and is_withheld(value):
        return WITHHELD
    try:
        return str(value)
    except Exception:  # a foreign object may raise anything
        return f"<{type(value).__name__}>"


def reason_of(exc: Exception) -> str:
    """Why something did not come off, in a sentence."""
    return exc.message if isinstance(exc, RunstoneError) else text_of(exc) or type(exc).__name__


def maybe_text(value: Any) -> str | None:
    """As `text_of`; nothing stays nothing."""
    return None if value is None else text_of(value)


def texts_of(value: Any) -> list[str]:
    """The texts of a list; one text, or anything that is no list, stands alone."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    try:
        return [text_of(item) for item in value]
    except Exception:  # not iterable, or not to its end
        return [text_of(value)]


def mapping_of(value: Any) -> dict[Any, Any]:
    """`value` as a dict; what is no mapping stands under `value`."""
    try:
        return dict(value)
    except Exception:  # whatever a foreign mapping raises
        return {"value": value}


def reference_text(ref: Any) -> str:
    """The text of an artifact's reference: a path as text, anything else as it shows itself."""
    try:
        return os.fsdecode(ref) if hasattr(ref, "__fspath__") or ref.__class__ is bytes else text_of(ref)
    except Exception:  # a path that does not tell itself
        return text_of(ref)


def id_of(name: Any, redactor: Redactor) -> str:
    """A check's id from its name: lower-case words of letters and digits joined by `_`. Secrets go before that: in
    lower case nothing finds them."""
    text = text_of(name)
    found = _snake_case(text)
    return found if found == text else _snake_case(_hidden(text, redactor)[0])


def _snake_case(text: str) -> str:
    words = "".join(mark.lower() if mark.isalnum() else " " for mark in text).split()
    return "_".join(words) or "check"


def _hidden(text: str, redactor: Redactor) -> tuple[str, list[str]]:
    """A text without its secrets, and the rules that hit."""
    try:
        return attempt(redactor.text, text)
    except FaultError:  # whatever went wrong, nothing unredacted may get past this line
        return f"{MARK}{FAILED}]", [FAILED]


def without_heard(text: str, heard: Iterable[Redactor]) -> str:
    """A text without what each of these takes out."""
    for redactor in list(heard):  # another thread may add one
        text = _hidden(text, redactor)[0]
    return text


def describe(exc: BaseException, redactor: Redactor, heard: Iterable[Redactor] = ()) -> dict[str, Any]:
    """An exception to be recorded: type, message (its first 64,000 characters), traceback (its last 16,000). No cut
    divides a secret: half of one is none that is found. What `heard` look for is taken out only of what is cut.

    One that is withheld has neither messages nor lines of source in it.
    """
    text = trace_of(exc)
    if is_withheld(exc):
        return {"type": type(exc).__name__, "message": WITHHELD, "traceback": text[-TRACEBACK_CHARACTERS:]}
    try:
        message = text_of(exc)
        if len(message) > MESSAGE_CHARACTERS:
            from runstone.core.redaction.cutting import beginning

            message = beginning(redactor, without_heard(message, heard), MESSAGE_CHARACTERS)
        if len(text) > TRACEBACK_CHARACTERS:
            from runstone.core.redaction.cutting import ending

            text = ending(redactor, without_heard(text, heard), TRACEBACK_CHARACTERS)
    except Exception:  # whatever went wrong, nothing is cut without the redactor
        message = text = f"{MARK}{FAILED}]"
    return {"type": type(exc).__name__, "message": message, "traceback": text}


def trace_of(exc: BaseException) -> str:
    """The traceback of an exception; of one that is withheld its frames and type alone, and its type where no file can
    be opened, of which a traceback is made."""
    try:
        import traceback

        if not is_withheld(exc):
            return "".join(traceback.format_exception(exc))
        frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(exc.__traceback__)]
        places = [f"  {code.co_filename}, line {line}, in {code.co_name}\n" for code, line in frames]
        return "".join([*places, type(exc).__name__])
    except Exception:  # an exception that cannot be shown is still the caller's, not ours
        return type(exc).__name__


def withhold(exc: BaseException) -> None:
    """See to it that nothing which is recorded repeats what an exception says: it may quote a prompt or an answer."""
    BaseException.__setattr__(exc, _WITHHELD, True)  # also where its class lets nobody set anything


def is_withheld(exc: BaseException) -> bool:
    """Whether that was said of an exception, or of one that led to it, which it may quote."""
    try:
        return any(_WITHHELD in held for held in _held_by(exc))
    except Exception:  # one that cannot be looked at
        return True


class _KeptOut(list["Redactor"]):
    """What belongs to this process alone: an exception that goes to another one leaves it behind."""

    def __reduce__(self) -> Any:
        return _KeptOut, ()


def keep_out(exc: BaseException, redactors: Iterable[Redactor]) -> None:
    """See to it that what is recorded of an exception passes these, wherever it goes."""
    BaseException.__getattribute__(exc, "__dict__").setdefault(_KEPT_OUT, _KeptOut()).extend(redactors)


def kept_out_of(exc: BaseException) -> list[Redactor]:
    """What was said of an exception by `keep_out`, or of those that led to it."""
    return [redactor for held in _held_by(exc) for redactor in held.get(_KEPT_OUT, ())]


def _held_by(exc: BaseException) -> Iterator[dict[str, Any]]:
    """What an exception holds, and all that led to it."""
    seen: dict[int, BaseException] = {}
    waiting: list[BaseException | None] = [exc]
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        seen[id(found)] = found
        yield BaseException.__getattribute__(found, "__dict__")
        waiting += [found.__cause__, found.__context__]
        if isinstance(found, BaseExceptionGroup):
            waiting += found.exceptions


def exit_code(exc: BaseException) -> int | None:
    """The number that a `SystemExit` ends the process with; `None` for anything else."""
    return exc.code if isinstance(exc, SystemExit) and type(exc.code) is int else None


def checked_event(type: Any, data: Any) -> tuple[dict[str, Any], str | None]:
    """The data of an event of a caller's type as a dict, and what is wrong with it or with its type."""
    try:
        fields = dict(data)
    except Exception:  # whatever a foreign mapping raises
        return {}, f"the data of event {excerpt(text_of(type))!r} is not a mapping"
    if isinstance(type, str) and type in USER_TYPES:
        return fields, _told(type, fields)
    if not is_event_type(type):
        return fields, f"an event type of your own is `x.` and words of a-z 0-9 _ -; found {excerpt(text_of(type))!r}"
    return fields, None


def _told(kind: str, fields: dict[str, Any]) -> str | None:
    try:
        return data_problem(kind, coerce(fields)[0])
    except RunstoneError as exc:
        return exc.message


def clean_types(redactor: Redactor) -> set[str]:
    """Types of a caller's own in which a redactor has found nothing. Those of the latest one are kept, as most runs of
    a process know the same."""
    rules = redactor.ruleset["sha256"]
    for known, known_rules, found in _clean_types[:1]:
        if known is redactor.known and known_rules == rules:
            return found
    clean: set[str] = set()
    _clean_types[:] = [(redactor.known, rules, clean)]
    return clean


def clean_type(kind: str, redactor: Redactor) -> str:
    """A type that has passed `checked_event`; where a secret stands in it, one that only names the rule."""
    if kind in USER_TYPES:
        return kind
    hits = _hidden(kind, redactor)[1]
    if hits:
        return f"x.redacted-{hits[0]}"
    clean = clean_types(redactor)
    if len(clean) < MAX_TYPES:
        clean.add(kind)
    return kind


_clean_types: list[tuple[Known, str, set[str]]] = []


def check_status_of(value: Any) -> str | None:
    """A check's status: its word, or `pass` and `fail` for true and false, numpy's too; `None` for anything else."""
    try:
        known = _alone(value)
    except Exception:  # a foreign object may raise anything
        return None
    if isinstance(known, bool):
        return "pass" if known else "fail"
    return known if isinstance(known, str) and known in CHECK_STATUSES else None


def _alone(value: Any) -> Any:
    """An array or tensor of one number as that number: it tells so by `item`."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def named(value: Any) -> dict[str, tuple[Any, bool]]:
    """A mapping by the text of its keys, as the door tells them (of what JSON has no text for, the text it shows), each
    name once; and whether a key stands as it was. Keys that begin with `$` are not escaped yet."""
    found: dict[str, tuple[Any, bool]] = {}
    numbers: dict[str, int] = {}
    for key, item in list(value.items()):
        text, same = key_text(key, text_of)
        name = free_key(text, found, numbers)
        found[name] = (item, same and name == text)
    return found


def metric_values(values: Any) -> tuple[Any, list[Mark]]:
    """Metrics by name, as the door lets them pass, and the marks of what was changed in `/values`. Hot: most are as
    they should be."""
    given = mapping_of(values)
    for key, value in given.items():
        if type(key) is not str or not key.isascii() or key.startswith("$") or not _is_number(value):
            break
    else:
        return given, []
    marks: list[Mark] = []
    numbers: dict[str, Any] = {}
    for name, (value, same) in named(given).items():
        known = plain_key(name)
        numbers[known] = value if (good := _is_number(value)) else metric_number(value)
        if not (same and good and known == name):
            marks.append(["/values" + canonical.pointer([known]), COERCED])
    return (Coerced(numbers) if marks else numbers), marks


def _is_number(value: Any) -> bool:
    """Whether a metric's value is one as it stands."""
    kind = type(value)
    return (kind is float and value - value == 0.0) or (kind is int and -(2**53) < value < 2**53)


def metric_number(value: Any) -> Any:
    """A metric's value as a finite number or one of the three words for what is not finite, as is what no double is big
    enough for. An array or tensor of one number is that number.
    """
    try:
        known = _alone(value)
        try:
            number = float(known)
        except OverflowError:  # of an integer, a fraction
            return "Infinity" if known > 0 else "-Infinity"
    except Exception:  # a foreign number may raise anything
        return "NaN"
    return number if is_finite(number) else non_finite_text(number)


def metric_step(value: Any) -> int | None:
    """A metric's step, or `None` where it is no integer."""
    try:
        return None if value is None else int(_alone(value))
    except Exception:  # a foreign number may raise anything
        return None


def metric_rank(value: Any) -> int | None:
    """Which of many processes measured a metric: an integer, 0 or more; `None` where it is none."""
    rank = metric_step(value)
    return rank if rank is not None and 0 <= rank < 2**53 else None


def is_too_much(data: Any, body: bytes) -> bool:
    """Whether an event, or one of the keys of its data, is over its limit. `body` is the data encoded."""
    if len(body) + ENVELOPE_BYTES > MAX_LINE_BYTES:
        return True
    try:
        check_keys(data)
    except RunstoneError:
        return True
    return False


def check_keys(value: Any) -> None:
    """Raise `too_large` for a key over its limit, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            if len(key.encode()) > MAX_KEY_BYTES:
                raise error("too_large", f"a key has more than {MAX_KEY_BYTES} bytes", limit=MAX_KEY_BYTES)
            check_keys(item)
    elif isinstance(value, list):
        for item in value:
            check_keys(item)
