"""What the stores of rentl raise: `{code, message, details}`, its codes those of rentl.

A `StorageError` is a `RunstoneError` of the family, so what it says passes the redactor; its codes are rentl's own and
stand in no other table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from runstone.contracts.rentl.models import StorageErrorInfo

EXIT_STATUS: Final = {
    "not_found": 3,
    "conflict": 4,
    "io_error": 5,
    "serialization_error": 1,
    "validation_error": 2,
    "unsupported_format": 2,
}
"""Code → the exit status of a command that ends because of it."""
DETAILS: Final = ("operation", "run_id", "artifact_id", "backend", "path", "uri", "reason")
_ID: Final = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OF_THE_KERNEL: Final = {
    "record_conflict": "conflict",
    "store_unavailable": "io_error",
    "not_json": "serialization_error",
    "lone_surrogate": "serialization_error",
    "invalid_json": "serialization_error",
    "too_deep": "serialization_error",
    "invalid_path": "validation_error",
}


class StorageError(RunstoneError):  # as rentl calls it
    """A store could not do what it was asked for. `code`, `message` and `details` as in `StorageErrorInfo`."""

    @property
    def exit_status(self) -> int:
        """The status a command ends with because of this error."""
        return EXIT_STATUS[self.code]

    @property
    def info(self) -> StorageErrorInfo:
        """The same as a model."""
        from runstone.contracts.rentl.models import StorageErrorInfo

        return StorageErrorInfo.model_validate(self.as_dict())


def storage_error(code: str, message: str, **details: Any) -> StorageError:
    """The error of a code; of the details those that are known, ids as text; what is no id stands in the message."""
    known = {name: str(details[name]) for name in DETAILS if details.get(name) is not None}
    for name in ("run_id", "artifact_id"):
        if name in known and not _is_id(known[name]):
            del known[name]
    return StorageError(code, message, **known)


def _is_id(text: str) -> bool:
    """Whether a text is a UUID as rentl's models take it."""
    return _ID.fullmatch(text) is not None


def translated(exc: RunstoneError, **details: Any) -> RunstoneError:
    """An error of the kernel as one of rentl; one of rentl as it is."""
    code = None if isinstance(exc, StorageError) else _OF_THE_KERNEL.get(exc.code)
    if code is None:
        return exc
    return storage_error(code, exc.message, **{**details, "reason": details.get("reason") or exc.code})
