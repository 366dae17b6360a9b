"""What a caller hands to `Store.run`, as the first event has it. Nothing is recorded yet, so what is wrong is refused.

Every refusal is a typed error, whatever a foreign object does when it is looked at.
"""

from __future__ import annotations

import os

from runstone.core import ids, layout
from runstone.core.events import WORDS, check_labels, check_links
from runstone.core.redaction.redactor import MIN_DECLARED_LENGTH
from runstone.core.words import CHILD_OF, HIDDEN_KINDS
from runstone.engine.current import PARENT
from runstone.engine.facts import text_of
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Final, TypedDict

    from runstone.core.events import Event
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.recorder import Run
    from runstone.engine.resuming import Axis
    from runstone.ports.clock import Clock
    from runstone.ports.entropy import Entropy
    from runstone.ports.host import Host
    from runstone.ports.journals import Journals, OpenRun

    class RunOptions(TypedDict, total=False):
        """What `Store.run` takes beside the kind."""

        version: str | None
        config: Any
        labels: Mapping[str, Any] | None
        contract: str
        run_id: str | None
        links: Iterable[Mapping[str, Any]]
        secrets: Iterable[str]
        argv: list[str] | None
        entry: str | None
        resume: str | None
        strict: bool
        system_metrics: bool


GATE_OPTIONS: Final = ("version", "config", "contract", "links", "secrets", "argv", "entry")
"""What a gate hands on to `Store.run` as it is, for every call."""
MAX_WAIT_S: Final = 86_400


class Resumed:
    """What a new run takes over from one that it retries: see `engine.resuming`. Nothing, where it retries none."""

    __slots__ = ("axis", "config", "kind", "links")

    def __init__(
        self,
        kind: str | None = None,
        links: tuple[dict[str, Any], ...] = (),
        config: Event | None = None,
        axis: Axis | None = None,
    ) -> None:
        self.kind = kind
        self.links = links
        self.config = config
        self.axis = axis

    @property
    def opened(self) -> dict[str, Any]:
        """What the first event tells of it, beside the link."""
        return {} if self.axis is None else {"resumed_step": self.axis.begin}


def give_up(journals: Journals, run_id: str, journal: OpenRun | None, run: Run | None = None) -> None:
    """End a run that has its lease and nothing recorded: it is gone and its id free, or that is left to recovery. A
    `run` that is open stays so: the end of the process seals it."""
    if journal is None or (run is not None and run.opened_at is not None):
        return
    journal.close()
    try:
        left = journals.take(run_id)
        if left is not None:
            left.remove(free_id=True)
            left.release()
    except RunstoneError:  # why there is no run is being raised
        return


def kind_of(kind: Any) -> str:
    """The kind as text; raises `invalid_option` where it is empty."""
    text = "" if kind is None else text_of(kind)
    if not text:
        raise error("invalid_option", "kind is empty: say what work the run does", option="kind")
    return text


def labels_of(labels: Any) -> dict[str, str]:
    """Labels as text by text; raises `invalid_label`."""
    if labels is None:
        return {}
    known: dict[str, str] = _refused(
        "invalid_label",
        "labels are a mapping of text by text",
        labels,
        lambda: check_labels({name: text_of(value) for name, value in dict(labels).items()}),
    )
    return known


def identity_of(run_id: str | None, redactor: Redactor, entropy: Entropy, clock: Clock) -> str:
    """A run's id: the one that is asked for, or a new one. Raises `invalid_run_id`, `secret_in_run_id`."""
    if run_id is None:
        return ids.new_run_id(entropy.random_bytes(10), clock.time_ns() // 1_000_000)
    if not isinstance(run_id, str):
        raise error("invalid_run_id", f"a run id is text; found {type(run_id).__name__}")
    ids.check_run_id(run_id)
    if redactor.text(run_id)[1]:
        raise error("secret_in_run_id", "the run id holds what looks like a secret; choose another")
    return run_id


def parent_of(host: Host, kind: str | None) -> list[dict[str, Any]]:
    """The link to the run around this process, if there is one, and the run is of a kind that can be a part of it."""
    parent = None if kind in HIDDEN_KINDS else host.setting(PARENT)
    return [{"rel": CHILD_OF, "run_id": parent, "digest": None}] if ids.is_run_id(parent) else []


def links_of(links: Any, parent: list[dict[str, Any]], others: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Links to other runs, with `others`, and with that to the `parent` unless they name one; raises `invalid_link`."""
    rule = "links are a list of mappings of rel, run_id and digest"
    known: list[dict[str, Any]] = _refused(
        "invalid_link", rule, links, lambda: check_links([*(_link_of(link) for link in links), *others])
    )
    return known if any(link["rel"] == CHILD_OF for link in known) else check_links(known + parent)


def _link_of(link: Any) -> dict[str, Any]:
    known: dict[str, Any] = _refused("invalid_link", "each of the links is a mapping", link, lambda: dict(link))
    return known


def rank_of(host: Host) -> int | None:
    """Which of many processes this is, as who started them tells: the first of these that is a number."""
    for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"):
        text = host.setting(name)
        if text is not None and text.isascii() and text.isdecimal() and len(text) < 16:
            return int(text)
    return None


def surroundings_of(host: Host, argv: Any, entry: Any) -> dict[str, Any]:
    """Who records, where, and by which code; `argv` and `entry` may be the caller's own. Raises `invalid_option`."""
    return {
        "argv": host.argv() if argv is None else argv_of(argv),
        "cwd": host.cwd(),
        "git": host.git(),
        "platform": host.platform(),
        "entry": host.entry() if entry is None else entry_of(entry),
    }


def argv_of(argv: Any) -> list[Any]:
    """A command line; raises `invalid_option`."""
    if isinstance(argv, (list, tuple)) and all(isinstance(word, (str, os.PathLike)) for word in argv):
        return list(argv)
    raise error("invalid_option", f"argv is a list of texts; found {type(argv).__name__}", option="argv")


def entry_of(entry: Any) -> Any:
    """What was started; raises `invalid_option`."""
    if isinstance(entry, (str, os.PathLike)):
        return entry
    raise error("invalid_option", f"entry is text; found {type(entry).__name__}", option="entry")


def secrets_of(secrets: Any) -> list[str]:
    """Declared secrets, one by one, each also without blanks around it: a file that holds one ends with a line end.

    Raises `invalid_option`.
    """
    if type(secrets) in (tuple, list) and not secrets:  # as nearly always
        return []
    rule = "secrets are a list of texts"
    if isinstance(secrets, (str, bytes)):
        raise error("invalid_option", f"{rule}; found one {type(secrets).__name__}", option="secrets")
    known: list[Any] = _refused("invalid_option", rule, secrets, lambda: list(secrets), option="secrets")
    for secret in known:
        if not isinstance(secret, str):
            raise error("invalid_option", f"{rule}; found one of {type(secret).__name__}", option="secrets")
        if len(secret.strip()) < MIN_DECLARED_LENGTH:
            rule = (
                f"a declared secret is text of {MIN_DECLARED_LENGTH} characters or more, blanks around it not counted"
            )
            raise error("invalid_option", rule, option="secrets", minimum=MIN_DECLARED_LENGTH)
        if is_word(secret.strip()):
            rule = "a declared secret is no part of a word that every record has: it could not be read"
            raise error("invalid_option", rule, option="secrets")
    return list(dict.fromkeys(text for secret in known for text in (secret, secret.strip())))


def is_word(secret: str) -> bool:
    """Whether to take a value out would take a word of the format out."""
    return any(secret in word for word in (*WORDS, layout.artifact("")))


def check_gate(options: Mapping[str, Any], *, keyed: bool, asks: bool, result: bool, wait_s: Any) -> None:
    """Raise `invalid_option` for what a gate cannot be made with."""
    for option in options:
        if option not in GATE_OPTIONS:
            known = ", ".join(GATE_OPTIONS)
            raise error("invalid_option", f"a gate takes no option {option!r}; known are {known}", option=option)
    if keyed and not asks:
        message = "with an idempotency key say what the request is: another one under the same key is a conflict"
        raise error("invalid_option", message, option="request")
    if keyed and not result:
        message = "an idempotency key is answered with the recorded result: it has to be recorded"
        raise error("invalid_option", message, option="result")
    if type(wait_s) not in (int, float) or not 0 <= wait_s <= MAX_WAIT_S:
        raise error("invalid_option", f"wait_s is 0 to {MAX_WAIT_S} seconds", option="wait_s")


def _refused(code: str, rule: str, found: Any, make: Callable[[], Any], **details: Any) -> Any:
    """What `make` answers; whatever a foreign object raises meanwhile becomes `code`."""
    try:
        return make()
    except RunstoneError:
        raise
    except Exception as exc:  # a foreign object may raise anything
        raise error(code, f"{rule}; found {type(found).__name__}", **details) from exc
