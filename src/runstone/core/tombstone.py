"""Tombstones: what is left of a run that a purge has marked or removed: which run, when, by whom and why.

- A tombstone is canonical JSON with a LF behind it, made once when the run is marked and once more when it is gone.
- It takes the run's id for good: digests and links name that run and must never lead to another one.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import parse_digest
from runstone.core.ids import is_run_id
from runstone.core.parsing import parse_canonical
from runstone.core.times import is_time
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

FORMAT: Final = "runstone-tombstone/1"
PENDING: Final = "pending"
PURGED: Final = "purged"
MAX_TOMBSTONE_BYTES: Final = 64 * 1024
MAX_TEXT_CHARACTERS: Final = 1024
"""Of a rule, a reason, a name."""


class Tombstone:
    """What a tombstone says; `state` is `pending` while the run can still be read, then `purged`."""

    __slots__ = (
        "digest", "follows", "kind", "marked_at", "marked_by", "not_before", "opened_at", "outcome_digest",
        "purged_at", "purged_by", "reason", "rule", "run_id", "state", "status",
    )  # fmt: skip

    def __init__(
        self,
        *,
        run_id: str,
        kind: str,
        status: str,
        digest: str,
        outcome_digest: str,
        opened_at: str,
        rule: str,
        reason: str | None,
        follows: str | None,
        marked_at: str,
        marked_by: str,
        not_before: str,
        state: str = PENDING,
        purged_at: str | None = None,
        purged_by: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.kind = kind
        self.status = status
        self.digest = digest
        self.outcome_digest = outcome_digest
        self.opened_at = opened_at
        self.rule = rule
        """Which rule decided, in words."""
        self.reason = reason
        """What the caller gave as a reason."""
        self.follows = follows
        """The run that this one amends, and goes with."""
        self.marked_at = marked_at
        self.marked_by = marked_by
        self.not_before = not_before
        """When the time to think it over has passed."""
        self.state = state
        self.purged_at = purged_at
        """`None` while it is pending, and where the purge died between the removal and this note of it."""
        self.purged_by = purged_by

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {name: getattr(self, name) for name in sorted(self.__slots__)}

    def data(self) -> bytes:
        """The file's bytes."""
        return canonical_bytes({"format": FORMAT, **self.as_dict()}) + b"\n"

    def ended(self, purged_at: str | None, purged_by: str | None) -> Tombstone:
        """The tombstone once the run is gone."""
        return Tombstone(**{**self.as_dict(), "state": PURGED, "purged_at": purged_at, "purged_by": purged_by})

    def error(self) -> RunstoneError:
        """`run_purged`, with what the tombstone says."""
        when = f" on {self.purged_at[:19].replace('T', ' ')} UTC" if self.purged_at else ""
        who = f" by {self.purged_by}" if self.purged_by else ""
        why = f"{self.rule}; {self.reason}" if self.reason else self.rule
        return error("run_purged", f"run {self.run_id} was purged{when}{who}: {why}", **self.as_dict())

    def taken(self, run_id: str) -> RunstoneError:
        """`run_exists`: the id, in whatever case, is this run's for good."""
        message = f"run id {run_id!r} is that of a run that was purged, and stays its own"
        return error("run_exists", message, run_id=run_id, tombstone=self.as_dict())

    def __repr__(self) -> str:
        return f"<Tombstone {self.run_id} {self.state}>"


def parse_tombstone(data: bytes) -> Tombstone | None:
    """The tombstone that bytes are, or `None` where they are none of this format."""
    try:
        value = parse_canonical(data.removesuffix(b"\n"), limit=MAX_TOMBSTONE_BYTES)
        if value.pop("format") != FORMAT:
            return None
        found = Tombstone(**value)
        texts = [found.kind, found.status, found.rule, found.marked_by]
        maybe = [found.reason, found.follows, found.purged_at, found.purged_by]
        good = (
            is_run_id(found.run_id)
            and found.state in (PENDING, PURGED)
            and all(is_time(at) for at in (found.opened_at, found.marked_at, found.not_before))
            and all(isinstance(text, str) for text in texts)
            and all(text is None or isinstance(text, str) for text in maybe)
        )
        parse_digest(found.digest)
        parse_digest(found.outcome_digest)
    except (RunstoneError, TypeError, LookupError, AttributeError):
        return None
    return found if good else None
