"""The run artifact of Lotus, contract `lotus/1.0`: `artifact.json`, folded from the stored run that the journal holds.

- A stored run is recorded as it is, by `x.lotus.run`: integers and floats apart, nothing reformatted.
- `artifact_hash` is `sha256:` and the SHA-256 of the artifact in print profile `py-compact-ascii`, without every member
  `artifact_hash` at any depth.
- A run without a stored run (it failed, or was killed) has no artifact.
- Whether a copy is published is told by the run: a service in mode PERSISTED records that it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from runstone.core.contract import DERIVED, PUBLISHED, Document, json_document
from runstone.core.digests import digest_of
from runstone.core.limits import MAX_DEPTH
from runstone.core.parsing import parse_json
from runstone.core.printing import print_json
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.journal import Journal

NAME: Final = "lotus"
VERSION: Final = "1.0"
PROFILE: Final = "py-compact-ascii"
ARTIFACT: Final = "artifact.json"
STORED: Final = "x.lotus.run"

RUN_PREFIX: Final = "rr_"
ARTIFACT_PREFIX: Final = "dra_"
UNKNOWN_ENGINE: Final = "unknown"
HASH: Final = "artifact_hash"

_OF_RUN: Final = ("rebalance_run_id", "correlation_id", "idempotency_key", "portfolio_id", "request_hash", "created_at")
_OF_RESULT: Final = {
    "before_summary": "before",
    "after_summary": "after_simulated",
    "order_intents": "intents",
    "rule_outcomes": "rule_results",
    "diagnostics": "diagnostics",
}
"""Member of the artifact → member of the stored run's `result`."""


class LotusContract:
    """`lotus/1.0`: what the readers of Lotus run artifacts depend on."""

    name: Final = NAME
    version: Final = VERSION

    def documents(self, journal: Journal) -> Iterator[Document]:
        """The artifact, if the run has one."""
        told = stored_of(journal)
        if told is not None:
            run, is_published = told
            made = json_document(ARTIFACT, build_artifact(run), PROFILE)
            place = place_of(journal.opened["data"]["run_id"]) if is_published else ""
            yield Document(ARTIFACT, made.pieces, PUBLISHED if is_published else DERIVED, place)

    def places(self, run_id: str, _: str) -> list[str]:
        """Where a copy of the artifact stands, if it was published."""
        return [place_of(run_id)]


CONTRACT: Final = LotusContract()


def place_of(run_id: str) -> str:
    """The place of the published copy of a run's artifact, by the kernel's run id."""
    return f"lotus/{run_id}.json"


def stored_of(journal: Journal) -> tuple[dict[str, Any], bool] | None:
    """The stored run of a journal, and whether its artifact is published; `None` where it has none that is whole."""
    event = journal.last(STORED)
    text = event["data"].get("run") if event is not None else None
    if event is None or not isinstance(text, dict) or not isinstance(text.get("$json"), str):
        return None
    try:
        run = checked(parse_json(text["$json"].encode()))
    except RunstoneError:  # what redaction has left of it is no stored run
        return None
    return run, event["data"].get("published") is True


def checked(run: Any) -> dict[str, Any]:
    """`run`, if it is a stored run: its members are there, and so are those of its `result`.

    Raises `invalid_stored_run`.
    """
    if not isinstance(run, dict):
        raise error("invalid_stored_run", f"a stored run is an object; found {type(run).__name__}", missing=[])
    result = run.get("result")
    missing = [name for name in (*_OF_RUN, "result") if name not in run]
    if isinstance(result, dict):
        missing += [f"result.{name}" for name in (*_OF_RESULT.values(), "status") if name not in result]
    elif "result" in run:
        missing.append("result (an object)")
    if missing:
        raise error("invalid_stored_run", f"a stored run has no {', '.join(missing)}", missing=missing)
    return run


def build_artifact(stored_run: Mapping[str, Any]) -> dict[str, Any]:
    """The artifact of a stored run; the same for the same run, always. Raises `invalid_stored_run`, and as
    `printed`.

    `stored_run` has `rebalance_run_id`, `correlation_id`, `idempotency_key` (or null), `portfolio_id`, `request_hash`,
    `created_at` and `result`, with at least `status`, `before`, `after_simulated`, `intents`, `rule_results` and
    `diagnostics`; `result.lineage.engine_version` is the engine's version where there is one.
    """
    run = checked(dict(stored_run) if isinstance(stored_run, Mapping) else stored_run)
    result = run["result"]
    lineage = result.get("lineage")
    version = lineage.get("engine_version") if isinstance(lineage, dict) else None
    payload = {
        "artifact_id": artifact_id(run["rebalance_run_id"]),
        "artifact_version": VERSION,
        **{name: run[name] for name in ("rebalance_run_id", "correlation_id", "idempotency_key", "portfolio_id")},
        "status": result["status"],
        "request_snapshot": {name: run[name] for name in ("portfolio_id", "request_hash")},
        **{name: result[source] for name, source in _OF_RESULT.items()},
        "result": result,
        "evidence": {
            "engine_version": UNKNOWN_ENGINE if version is None else version,
            "run_created_at": run["created_at"],
            "hashes": {"request_hash": run["request_hash"]},
        },
    }
    payload["evidence"]["hashes"][HASH] = artifact_hash(payload)
    return payload


def artifact_id(rebalance_run_id: Any) -> str:
    """`rr_…` → `dra_…`; of an id of another form the prefix stands before it."""
    return ARTIFACT_PREFIX + str(rebalance_run_id).removeprefix(RUN_PREFIX)


def artifact_hash(payload: Mapping[str, Any]) -> str:
    """`sha256:<hex>` of an artifact, whether it holds its hash already or not. Raises as `printed`."""
    return request_hash(_without_hashes(payload))


def request_hash(request: Any) -> str:
    """`sha256:<hex>` of a request in the same print profile. Raises as `printed`."""
    return digest_of(printed(request))


def printed(value: Any) -> bytes:
    """JSON of at most 64 levels in the print profile of artifacts. Raises `not_json`, `lone_surrogate`, `too_deep`."""
    _check_depth(value)
    return print_json(value, PROFILE)


def _without_hashes(value: Any, levels: int = MAX_DEPTH) -> Any:
    """A value without its hashes, as far down as a hash is taken of it."""
    if isinstance(value, dict) and levels:
        return {name: _without_hashes(item, levels - 1) for name, item in value.items() if name != HASH}
    return [_without_hashes(item, levels - 1) for item in value] if isinstance(value, list) and levels else value


def _check_depth(value: Any, levels: int = MAX_DEPTH) -> None:
    if not isinstance(value, (dict, list)):
        return
    if not levels:
        raise error("too_deep", f"nesting is limited to {MAX_DEPTH}", limit=MAX_DEPTH)
    for item in value.values() if isinstance(value, dict) else value:
        _check_depth(item, levels - 1)
