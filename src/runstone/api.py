"""The functions of `import runstone`: open a store, verify or compare bundles anywhere, read canonical JSON."""

from __future__ import annotations

import os

from runstone.core.limits import MAX_DOCUMENT_BYTES
from runstone.errors import error
from runstone.locate import (
    contract_of,
    name_in_store,
    open_one,
    open_parent_store,
    open_redactor,
    open_store,
    packs_by_default,
    read_file,
)
from runstone.locate import open_states as states_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Unpack

    from runstone.core.diff.comparison import Comparison
    from runstone.core.digests import Digest
    from runstone.core.policy.policy import Policy
    from runstone.engine.async_store import AsyncStore
    from runstone.engine.gates import Gate, GateOptions
    from runstone.engine.opening import RunOptions
    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.states import StateStore
    from runstone.engine.store import Store
    from runstone.engine.verifier import Report

    Asked = Callable[..., Any]
    """What is called with the arguments of a call, and may be asynchronous where the gated function is."""
    Json = Mapping[str, Any] | Sequence[Any] | str | bytes | float | bool | None


def open(url: str | os.PathLike[str] | None = None, *, packed: bool | None = None) -> Store:
    """The store at a path or URL; without one `RUNSTONE_STORE`, else `./runs`.

    With `packed` what is recorded through it goes into packs, as is meant for many small runs; where it is not given,
    `RUNSTONE_PACKED` decides. Both kinds are read in any case. Opening writes nothing: the store is made when the first
    run is recorded. Raises `unsupported_store`.
    """
    return open_store(url, packed=packs_by_default() if packed is None else packed)


def open_async(
    url: str | os.PathLike[str] | None = None, *, packed: bool | None = None, workers: int = 4
) -> AsyncStore:
    """The same store for an event loop: its methods are awaited, each made in one of so many threads of its own.

    `async with runstone.open_async("runs") as store` waits at its end for what is being done. Raises as `open`, and
    `invalid_option` for fewer than one worker.
    """
    from runstone.engine.async_store import AsyncStore
    from runstone.engine.hopping import Threads

    return AsyncStore(open(url, packed=packed), Threads(workers))


def open_states(url: str | os.PathLike[str] | None = None, *, redact: bool = False) -> StateStore:
    """The store of resumable states at a path, `sqlite:PATH` or `memory:`; without one `RUNSTONE_STATES`, else
    `./states.db`.

    With a key in `RUNSTONE_STATE_KEY` states are encrypted. With `redact` secrets are taken out of what is put: such
    states can be looked at, and not be resumed from. The file is made when it is first asked for something. Raises
    `unsupported_store`, `invalid_state_key`, `missing_extra`.
    """
    return states_at(url, redact=redact)


def child(kind: str, **options: Unpack[RunOptions]) -> Run:
    """Start recording a run that is a part of the run around it, in the same store; `options` as `Store.run`.

    The run around it is the one whose `with` block this is in, else the one that `RUNSTONE_PARENT` names, recorded by
    another process in `RUNSTONE_PARENT_STORE`. Where there is none, this is a run of its own in the store of
    `RUNSTONE_STORE`, else `./runs`. Raises as `Store.run`.
    """
    from runstone.engine.current import current_run

    around = current_run()
    return open_parent_store().run(kind, **options) if around is None else around.child(kind, **options)


def load_policy(source: str | os.PathLike[str] | Mapping[str, Any] | Policy) -> Policy:
    """The policy of a file (`.json`, else TOML) or of a mapping, proved by its own examples; a `Policy` as it is.

    Raises `invalid_policy`, `file_not_found`.
    """
    from runstone.core.policy.loading import policy_from, policy_from_bytes
    from runstone.core.policy.policy import Policy

    if isinstance(source, Policy):
        return source
    if not isinstance(source, (str, os.PathLike)):
        return policy_from(source)
    path = os.fspath(source)
    return policy_from_bytes(read_file(path), path)


def gate(
    kind: str,
    *,
    policy: str | os.PathLike[str] | Mapping[str, Any] | Policy,
    facts: Mapping[str, Any] | Asked,
    store: str | os.PathLike[str] | Store | None = None,
    idempotency_key: str | Asked | None = None,
    request: Json | Asked = None,
    override_of: str | Asked | None = None,
    labels: Mapping[str, Any] | Asked | None = None,
    run_id: str | Asked | None = None,
    result: bool = True,
    wait_s: float = 30.0,
    **options: Unpack[GateOptions],
) -> Gate:
    """A gate before work of a kind: a decorator of a function, plain or asynchronous, or a context manager.

    Each call is a run. A policy decides on `facts` before the work is done, and the run is sealed before the answer
    leaves. What may be `Asked` is a value, or a function that is called with the arguments of the call; `facts` are
    what the policy sees. `options` are those of `Store.run`. Raises `invalid_option`, `invalid_policy`,
    `file_not_found`; a call raises `policy_blocked`, `idempotency_conflict`, `in_progress`, `work_failed`,
    `answer_withheld`, `store_unavailable`, and what the work raises.
    """
    from runstone.engine.gatekeeper import Gatekeeper
    from runstone.engine.gates import Gate
    from runstone.engine.opening import check_gate, kind_of
    from runstone.engine.store import Store

    check_gate(options, keyed=idempotency_key is not None, asks=request is not None, result=result, wait_s=wait_s)
    asked = {"facts": facts, "idempotency_key": idempotency_key, "request": request}
    asked |= {"override_of": override_of, "labels": labels, "run_id": run_id}
    keeper = Gatekeeper(
        kind_of(kind),
        load_policy(policy),
        asked,
        lambda: store if isinstance(store, Store) else open(store),
        options,
        wait_s=wait_s,
        result=result,
    )
    return Gate(keeper)


def seed(*modules: Any, name: str = "") -> int:
    """Seed what is handed in (`random`, `numpy`, `torch`, what has a method `seed` or `manual_seed`); answers the
    seed.

    In the block of a run it is `Run.seed`. Elsewhere, as in a wrapped command, it is the seed that `RUNSTONE_SEED`
    gives to the name, or where that is not set a new one, which nothing records. Raises `invalid_option`.
    """
    from runstone.engine.current import current_run
    from runstone.engine.disabled import DISABLED

    return (current_run() or DISABLED).seed(*modules, name=name)


def verify(
    bundle: str | os.PathLike[str] | Sealed, *, quick: bool = False, digest: Digest | None = None, secrets: bool = False
) -> Report:
    """Verify a bundle: a folder, a tar or zip archive, or a `Sealed`. A folder in a store must have its run's name.

    With `quick` only manifest and journal are read. `digest` is a run digest from elsewhere, to compare with. With
    `secrets` every file is searched for secrets too. Faults are in the report and never raised; `file_not_found`,
    `invalid_archive`, and `invalid_option` for `quick` with `secrets` are.
    """
    from contextlib import closing

    from runstone.engine.reader import Sealed
    from runstone.engine.verifier import verify_bundle

    redactor = open_redactor() if secrets else None
    if isinstance(bundle, Sealed):
        return verify_bundle(bundle.bundle, contract_of, quick=quick, digest=digest, redactor=redactor)
    path = os.fspath(bundle)
    with closing(open_one(path)) as opened:
        report = verify_bundle(opened, contract_of, quick=quick, digest=digest, redactor=redactor)
    if report.run_id is not None:
        report.expect_run_id(name_in_store(path, report.run_id))
    return report


def compare(
    a: str | os.PathLike[str] | Sealed, b: str | os.PathLike[str] | Sealed, *more: str | os.PathLike[str] | Sealed
) -> Comparison:
    """What differs between two runs: `a`, the baseline, and `b`; and any number of other candidates.

    Each is a bundle (a folder, a tar or zip archive) or a `Sealed`. Raises `file_not_found`, `invalid_archive`, and
    `bundle_damaged` where what is read is not what was sealed.
    """
    from runstone.engine.comparer import compare_opened
    from runstone.engine.reader import Sealed

    def opened(path: str | os.PathLike[str]) -> Sealed:
        return Sealed(open_one(os.fspath(path)), contract_of)

    return compare_opened(opened, [a, b, *more])


def parse_canonical(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """The value of canonical JSON `data`, of at most `limit` bytes; nothing that is spelled in another way.

    Raises as `runstone.core.parsing.parse_canonical`, and `invalid_json` for what is not bytes.
    """
    from runstone.core import parsing

    if not _is_bytes(data):
        raise error("invalid_json", f"canonical JSON is bytes, text encoded as UTF-8; found {type(data).__name__}")
    return parsing.parse_canonical(data, limit=limit)


def _is_bytes(value: object) -> bool:
    """An untyped program may pass anything."""
    return isinstance(value, bytes | bytearray)
