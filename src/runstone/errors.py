"""Every error that Runstone raises, and what a program does about each.

- One root, `RunstoneError`, with a stable `code`, a `message` for people and `details` for programs.
- A subclass exists only where a handler acts differently: wrong input, a library that is missing, nothing there, a
  conflict, the same work in progress, work that a policy blocked, work without an answer, a store that cannot be
  used, bytes that prove nothing.
- `CODES` is the one table from code to class, exit status, HTTP status and whether trying again can help.
  Codes are only ever added.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class RunstoneError(Exception):
    """Root of the family. `code` is stable; `details` names the path, line, expected and found values.

    What was handed in may hold a secret, and a message or a detail may repeat it: both are told without, by whatever
    knows of secrets when the error is made.
    """

    def __init__(self, code: str, message: str, /, **details: Any) -> None:
        super().__init__()
        self.code = code
        self._message = message
        self._details = details
        self._hides = [_known.hides()] if _known.hides is not None else []

    @property
    def message(self) -> str:
        """What is wrong, for people."""
        self._hide()
        return self._message

    @property
    def details(self) -> dict[str, Any]:
        """The same for programs."""
        self._hide()
        return self._details

    def _hide(self) -> None:
        hides, self._hides = self._hides, []
        for hide in hides:
            self._message = hide(self._message)
            self._details = _without(self._details, hide)

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r}, {self.message!r})"

    def __reduce__(self) -> Any:
        return _made_again, (type(self), self.code, self.message, self.details)

    def as_dict(self) -> dict[str, Any]:
        """The three fields as they stand in JSON answers."""
        return {"code": self.code, "message": self.message, "details": self.details}

    @property
    def exit_status(self) -> int:
        """The status a command ends with because of this error."""
        return CODES[self.code].exit_status


class _Known:
    hides: Callable[[], Callable[[str], str]] | None = None


_known = _Known()


def hide_by(hides: Callable[[], Callable[[str], str]]) -> None:
    """Have every error ask, when it is made, for the function that its text passes before somebody sees it."""
    _known.hides = hides


class Hiding:
    """A block whose errors pass `hide` as well."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        self._hide = hide

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if isinstance(exc, RunstoneError):
            exc._hides.append(self._hide)  # noqa: SLF001  # of this module


def excerpt(text: Any, limit: int = 80) -> str:
    """The first characters of what was handed in, for a message: cut where no secret is cut in two. What is no text is
    told by its type."""
    if not isinstance(text, str):
        return f"<{type(text).__name__}>"
    shown: str = text if _known.hides is None else _known.hides()(text)
    return shown[:limit]


def _without(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if type(value) in (list, tuple):
        return type(value)(_without(item, hide) for item in value)
    if type(value) is dict:
        return {key: _without(item, hide) for key, item in value.items()}
    return value


def _made_again(kind: type[RunstoneError], code: str, message: str, details: dict[str, Any]) -> RunstoneError:
    return kind(code, message, **details)


class InvalidInput(RunstoneError):  # noqa: N818  # a word that reads well in `except`
    """What was handed in breaks a rule; the same call fails again."""


class MissingExtra(InvalidInput, ModuleNotFoundError):  # noqa: N818  # a word that reads well in `except`
    """A library that comes with an extra is not installed; who asks for it by `except ImportError` finds this, too."""


class NotFound(RunstoneError):  # noqa: N818  # a word that reads well in `except`
    """The run, file or store asked for is not there."""


class Conflict(RunstoneError):  # noqa: N818  # a word that reads well in `except`
    """Something else already holds that name, lock or place."""


class InProgress(Conflict):
    """Somebody else is doing the same work at this moment; the same call can be made again, a little later."""


class PolicyBlocked(RunstoneError):  # noqa: N818  # a word that reads well in `except`
    """A policy decided that the work, or the call of a tool, must not be done; it was not, and a run says so."""

    @property
    def run_id(self) -> str:
        """The run that tells of it."""
        return str(self.details["run_id"])

    @property
    def reason(self) -> str:
        """Why: the worst rule that did not hold."""
        return str(self.details["reason"])

    @property
    def decision(self) -> dict[str, Any]:
        """The decision as it was recorded: `outcome`, `risk_level`, `score`, `rules`, …"""
        decision: dict[str, Any] = self.details["decision"]
        return decision


class Unanswered(RunstoneError):  # noqa: N818  # a word that reads well in `except`
    """The work was begun, and there is no answer to give; to call again without a key would begin it again."""

    @property
    def run_id(self) -> str:
        """The run that tells of it, sealed or left for recovery."""
        return str(self.details["run_id"])


class StoreUnavailable(RunstoneError):  # noqa: N818  # a word that reads well in `except`
    """The store cannot be read or written now; nothing half-written remains."""


class Damaged(RunstoneError):  # noqa: N818  # a word that reads well in `except`
    """The bytes do not prove what they claim."""


class Code:
    """How one code is answered: class, exit status, HTTP status, whether a retry can help."""

    __slots__ = ("error", "exit_status", "http_status", "meaning", "retryable")

    def __init__(
        self, error: type[RunstoneError], exit_status: int, http_status: int, meaning: str, *, retryable: bool = False
    ) -> None:
        self.error = error
        self.exit_status = exit_status
        self.http_status = http_status
        self.retryable = retryable
        self.meaning = meaning


def _invalid(meaning: str) -> Code:
    return Code(InvalidInput, 2, 400, meaning)


def _missing(meaning: str) -> Code:
    return Code(NotFound, 3, 404, meaning)


def _conflict(meaning: str) -> Code:
    return Code(Conflict, 4, 409, meaning)


def _unanswered(meaning: str) -> Code:
    return Code(Unanswered, 1, 500, meaning)


def _unavailable(meaning: str) -> Code:
    return Code(StoreUnavailable, 5, 503, meaning, retryable=True)


def _damaged(meaning: str) -> Code:
    return Code(Damaged, 1, 422, meaning)


CODES: dict[str, Code] = {
    # values and text
    "not_json": _invalid("A value has no canonical JSON form."),
    "not_canonical": _invalid("The bytes are JSON, but not in canonical form."),
    "invalid_json": _invalid("The bytes are not JSON."),
    "invalid_utf8": _invalid("The bytes are not UTF-8."),
    "invalid_encoding": _invalid("Text is not in the encoding that its byte order mark tells."),
    "lone_surrogate": _invalid("Text holds half of a surrogate pair."),
    "duplicate_key": _invalid("An object names the same key twice."),
    "trailing_bytes": _invalid("Bytes follow the end of the value."),
    "too_deep": _invalid("A value nests deeper than the limit."),
    "too_large": _invalid("A line, key, label, document or file list is over its limit."),
    # names
    "invalid_run_id": _invalid("A run id does not follow the grammar."),
    "secret_in_run_id": _invalid("A run id holds what looks like a secret."),
    "invalid_path": _invalid("A path inside a bundle does not follow the grammar."),
    "path_collision": _invalid("Two paths are the same once case and Unicode form are set aside."),
    "invalid_digest": _invalid("A digest is not `sha256:` and 64 hexadecimal digits."),
    "invalid_query": _invalid("A query does not follow the language."),
    "invalid_cursor": _invalid("A cursor is not one that a list has given for this query."),
    "invalid_event": _invalid("An event lacks a required field or has a wrong type."),
    "invalid_label": _invalid("A label's name or value is not text or is over its limit."),
    "invalid_link": _invalid("A link's relation, run id or digest is not valid."),
    "invalid_status": _invalid("A status is not one of those that a run or check can have."),
    "invalid_settings": _invalid("The settings file cannot be read, or says something that cannot be meant."),
    "invalid_option": _invalid("An option or setting has a value that it cannot take."),
    "invalid_debug_key": _invalid("A key of debug mode is no key of age, or does not open what was kept."),
    "not_written": _invalid("An object could not be written as the file that it was to become."),
    "not_kept": _invalid("A file could not be kept as it is: a secret was found in it, or it could not be searched."),
    "file_unreadable": _invalid("What stands at a path cannot be read, or is no file."),
    "ambiguous_run": _invalid("A prefix fits more than one run."),
    "invalid_policy": _invalid("A policy says something that cannot be meant, or does not keep to its own examples."),
    "invalid_tool_contract": _invalid("A tool contract says something that cannot be meant, or holds no JSON Schema."),
    "invalid_stored_run": _invalid(
        "A stored run of Lotus lacks a member, has a status that is none, or one that its rules do not come to."
    ),
    "invalid_call_policy": _invalid("A policy over calls of tools says something that cannot be meant."),
    "invalid_price_table": _invalid("A price table says something that cannot be meant."),
    "invalid_arguments": _invalid("The arguments of a call do not fit the contract of the tool; it was not called."),
    "invalid_result": _invalid("A tool answered what does not fit its contract; the work is done."),
    "unknown_contract": _invalid("No contract of that name and version is known here."),
    "unsupported_store": _invalid("No adapter serves a store URL of that kind."),
    "not_trusted": _invalid("The run was imported, and its replay would start what it names."),
    "invalid_state_key": _invalid(
        "A key of states is none, is missing, or is not the one that the store was made with."
    ),
    "missing_extra": Code(
        MissingExtra, 2, 400, "A library that comes with an extra of the package is needed and not installed."
    ),
    # not there
    "run_not_found": _missing("No run of the store has that id, prefix or digest."),
    "run_purged": _missing("The run was purged; its tombstone says when, by whom and why."),
    "not_marked": _missing("The run is not marked to be purged."),
    "file_not_found": _missing("No such file, in the bundle or on disk."),
    "store_not_found": _missing("There is no store at that place."),
    "state_not_found": _missing("No state of that thread, namespace and step is stored."),
    # conflicts
    "run_exists": _conflict("The run id is taken."),
    "not_under_review": _conflict("The run waits for no review, or no longer."),
    "run_is_open": _conflict("The run is still being recorded."),
    "not_resumable": _conflict("The run came to its end, so there is nothing to resume."),
    "cannot_replay": _conflict("The record does not hold what a replay of the run needs."),
    "run_in_use": _conflict("Somebody records, recovers, reads or purges the run just now."),
    "already_finished": _conflict("The run is finished; nothing can be added."),
    "recovered_elsewhere": _conflict("Recovery sealed the run while its writer was away."),
    "not_the_writer": _conflict("This process is a fork of the one that records the run."),
    "file_exists": _conflict("The bundle has a file of that name already."),
    "published_conflict": _conflict("Something else stands where a document is to be published."),
    "inside_own_store": _conflict("A foreign folder inside a store cannot be imported into that store."),
    "changed_while_read": _conflict("A file changed while it was read."),
    "record_conflict": _conflict("A record is not the one that was expected to be replaced."),
    "idempotency_conflict": _conflict("The idempotency key was used for another request."),
    "state_exists": _conflict("The thread that states are to be copied to has states already."),
    "in_progress": Code(InProgress, 4, 409, "The same request is being worked on.", retryable=True),
    # gates
    "policy_blocked": Code(PolicyBlocked, 1, 409, "A policy blocked the work; it was not done."),
    "tool_blocked": Code(PolicyBlocked, 1, 409, "A rule blocked the call of a tool; it was not called."),
    "work_failed": _unanswered("The work of this idempotency key has failed before."),
    "answer_withheld": _unanswered("The work was begun, and its answer cannot be given."),
    # the store
    "store_unavailable": _unavailable("The store cannot be read or written."),
    "unsealed": _unavailable("The seal could not be made durable; the run stays open for recovery."),
    # proof
    "bundle_damaged": _damaged("Verification found faults."),
    "digest_mismatch": _damaged("The bytes do not have the digest asked for."),
    "unsupported_format": _damaged(
        "The bundle, or the store of states, is of a format that this version does not read."
    ),
    "invalid_archive": _damaged(
        "An archive is torn, hostile or not of a kind that can be imported; or a folder holds no bundle."
    ),
    "state_damaged": _damaged("A stored state does not have the bytes that were written."),
}


def error(code: str, message: str, /, **details: Any) -> RunstoneError:
    """The error of `code`, in the class that `CODES` gives it."""
    return CODES[code].error(code, message, **details)
