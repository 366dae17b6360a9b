"""How records of rentl are spelled: print profile `compact-utf8`, members in the order of the model.

State, index and artifacts leave out what is `None`; log lines have every member. What is inside of free JSON stays as
it is, nulls too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from runstone.contracts.rentl.errors import storage_error
from runstone.core.parsing import prove_json
from runstone.core.printing import print_json
from runstone.core.values import coerce
from runstone.errors import RunstoneError, error

if TYPE_CHECKING:
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark

PROFILE: Final = "compact-utf8"
ModelT = TypeVar("ModelT", bound=BaseModel)


def value_of(record: BaseModel, *, nulls: bool = False) -> dict[str, Any]:
    """A record as JSON types."""
    found: dict[str, Any] = record.model_dump(mode="json", exclude_none=not nulls)
    return found


def bytes_of(value: Any) -> bytes:
    """JSON types as they are written. Raises `not_json`, `lone_surrogate`, `too_deep` for what has no end."""
    try:
        return print_json(value, PROFILE)
    except RecursionError as exc:
        raise error("too_deep", "it is nested too deep to be written, or holds itself") from exc


def utf8(text: str) -> bytes:
    """A text as it is written. Raises `lone_surrogate`."""
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise error("lone_surrogate", f"character {exc.start} of the text is half of a surrogate pair") from None


def without_secrets(value: Any, redactor: Redactor) -> Any:
    """JSON types with a mark for each secret, and all that stands beside one as it was: no key, number or text of it is
    another one. What holds none is `value` itself. Raises `too_deep`."""
    coerce(value)  # which finds out how deep it is, and is not what is written
    marks: list[Mark] = []
    clean = redactor.tree(value, marks)
    return clean if marks else value


def parse(model: type[ModelT], body: bytes, **details: Any) -> ModelT:
    """The record that bytes tell. Raises `serialization_error` for what is no JSON, also for a key that stands twice or
    a number without an end, and `validation_error` for JSON that is no such record."""
    try:
        prove_json(body)
    except RunstoneError as exc:
        raise _no_json(exc.message, **details) from exc
    try:
        return model.model_validate_json(body)
    except ValidationError as exc:
        raise refused(model, exc, **details) from exc


def refused(model: type[BaseModel], exc: ValidationError, **details: Any) -> Exception:
    """Why pydantic refuses a record, as the error of a store; nothing of the record is repeated."""
    errors = exc.errors(include_url=False, include_context=False, include_input=False)
    reason = "; ".join(f"{place_of(found['loc'])}: {found['msg']}" for found in errors[:3])
    if any(found["type"] == "json_invalid" for found in errors):
        return _no_json(reason, **details)
    message = f"{place_in(details)} is no {model.__name__}: {reason}"
    return storage_error("validation_error", message, **{**details, "reason": reason})


def _no_json(reason: str, **details: Any) -> Exception:
    message = f"{place_in(details)} is not JSON: {reason}"
    return storage_error("serialization_error", message, **{**details, "reason": reason})


def place_in(details: dict[str, Any]) -> str:
    """Where that is which an error is about, for people."""
    return str(details.get("path") or details.get("uri") or "what was handed in")


def place_of(location: tuple[int | str, ...]) -> str:
    """A place in JSON, as `$.state.metadata`."""
    return "".join(["$", *(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)])
