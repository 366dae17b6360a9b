"""`RunWriter`: record a pipeline's run as its program goes.

- Once a run has started no call raises for a value or for I/O; what cannot be recorded is said on standard error.
- The environment is read at each call. With `RUNSTONE_DISABLED=1` nothing is recorded and everything still works.
- A run that nobody finishes is sealed as failed at the end of the process.
"""

from __future__ import annotations

import atexit
import os

from runstone.contracts.ovc import layout, references
from runstone.contracts.ovc.evidence import try_reference
from runstone.contracts.ovc.opening import Opening, open_run
from runstone.contracts.ovc.scratch import Scratch
from runstone.contracts.ovc.trigger import trigger_of
from runstone.core.words import CANCELLED, FAILED, FINAL_STATUSES, INTERRUPTED, SUCCESS
from runstone.engine.facts import describe, exit_code, kept_out_of, text_of, texts_of, without_heard
from runstone.engine.saying import say
from runstone.engine.store import Store
from runstone.errors import RunstoneError, error, excerpt
from runstone.locate import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Self

    from runstone.core.digests import Digest
    from runstone.engine.recorder import Run


class RunWriter:
    """Records one run of a pipeline under contract `ovc`. A context manager.

    `required_env` are names of variables, or one name: where one is missing or empty the run is failed, whatever else
    happens.
    `store` is a store, a path or a URL; without one `RUNSTONE_STORE`, else `reports/runs`. `argv` is the command
    line to record where it is not this process's own. `labels`, `secrets` and `strict` are as in `Store.run`; a
    strict writer raises for what it cannot record.

    Raises `invalid_option` for a pipeline id that cannot stand in a run id, `unsupported_store`.
    """

    def __init__(
        self,
        pipeline_id: str,
        pipeline_version: str,
        required_env: Iterable[str] | str | None = None,
        *,
        store: Store | str | os.PathLike[str] | None = None,
        argv: list[str] | None = None,
        labels: Mapping[str, Any] | None = None,
        secrets: Iterable[str] = (),
        strict: bool = False,
    ) -> None:
        if not layout.is_pipeline_id(pipeline_id):
            limit = layout.MAX_PIPELINE_ID_LENGTH
            message = f"a pipeline id has 1 to {limit} letters, digits and -; found {excerpt(text_of(pipeline_id))!r}"
            raise error("invalid_option", message, option="pipeline_id")
        self._pipeline_id = pipeline_id
        self._required = texts_of(None if required_env == "" else required_env)
        self._store = _store(store)
        self._facts: dict[str, Any] = {
            "version": pipeline_version,
            "argv": argv,
            "entry": argv[0] if argv else None,
            "labels": labels,
            "secrets": secrets,
            "strict": strict,
        }
        self._cwd: str | None = None
        self._run: Run | None = None
        self._opening: Opening | None = None
        self._scratch = Scratch(self._store)

    def start(
        self, trigger_type: str | None = None, trigger_source: str | None = None, actor: str | None = None
    ) -> str:
        """Start recording; answers the run id. What is not given is detected.

        Any other method starts the run, too; a later `start` then tells the trigger. Raises `invalid_option` for an
        unknown trigger type and what `Store.run` raises for wrong use, before anything is recorded.
        """
        given = (trigger_type, trigger_source, actor)
        trigger = trigger_of(self._store.host, *given)
        if self._run is None or self._opening is None:
            self._cwd = self._store.host.cwd()
            self._opening = Opening(self._store, self._required)
            self._run = open_run(self._store, self._opening, self._pipeline_id, self._facts)
            atexit.register(self._at_exit)
            self._opening.tell(self._run, trigger)
            self._opening.check(self._run)
        elif given != (None, None, None):
            self._opening.tell(self._run, trigger)
        return self._run.run_id

    # what a caller asks

    @property
    def run(self) -> Run:
        """The kernel's run beneath, started if it was not."""
        if self._run is None:
            self.start()
        assert self._run is not None
        return self._run

    @property
    def run_id(self) -> str:
        """The run's id; starts the run if it was not."""
        return self.run.run_id

    @property
    def missing(self) -> list[str]:
        """Required variables that were missing or empty when the run started, sorted."""
        return list(self._opening.missing) if self._opening else []

    @property
    def path(self) -> str:
        """Where the three files stand once the run is finished; relative where it is below the working directory."""
        place = f"{self._store.url}/{self.run_id}"
        return place.removeprefix(os.path.join(self._cwd or "", "")).replace(os.sep, "/")

    @property
    def artifacts_dir(self) -> Path:
        """A folder for files that the bundle keeps, under `artifacts/`, when the run is finished; starts the run.

        It is gone then. What the bundle does not hold stays: links, files with a secret, those that could not be
        copied, and everything where the run is not sealed; standard error says where. Where the process is killed
        before, it stays in the store, at `.runstone/unkept/<run_id>/`. Raises `OSError` where no folder can be made.
        """
        return self._scratch.folder(self.run)

    # record

    def add_input(self, type: str, ref: Any, **facts: Any) -> None:
        """Record something that the run read. `range` stands in `run.json`; for the rest see `add_output`."""
        self.run.input(type, ref, **references.arguments(self.run, self._cwd, type, ref, facts))

    def add_output(self, type: str, ref: Any, **facts: Any) -> None:
        """Record something that the run wrote; where `ref` is a file that exists, with its digest.

        `rows_written`, `rows_updated` and `extra` stand in `run.json`; `name`, `sha256`, `size`, `media_type` and
        `keep` are as in `runstone.Run.output`. Anything else joins `extra`.
        """
        known = references.gathered(facts)
        self.run.output(type, ref, **references.arguments(self.run, self._cwd, type, ref, known))

    def check(self, name: str, status: str, evidence: Any = None, *, id: str | None = None) -> None:
        """Record a check: `pass`, `fail` or `skip`.

        `evidence` is one text or several: `run.json:$.path`, `run.log:line:N`, `artifacts/path`. Any other text
        becomes a line of the log and the reference to it. Without `id` it is the name in snake_case.
        """
        references = [self.log(text) if try_reference(text) is None else text for text in _texts(evidence)]
        self.run.check(name, status, references, id=id)

    def log(self, message: Any) -> str:
        """Record a line of `run.log`, with its time; answers the reference to it, `run.log:line:N`.

        N is 0, which leads nowhere, where the line could not be recorded.
        """
        number = int(self.run.log(message).rpartition(":")[2])
        if number:
            number += 1  # the first line is RUN_ID=<id>
        return f"{layout.LOG}:line:{number}"

    # finish

    def finish(
        self,
        status: str | None = None,
        *,
        exit: int | None = None,
        error: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Digest | None:
        """Seal the run as `success`, `failed` or `partial`; answers its digest, `None` where it could not be sealed.

        A given `success` becomes failed after a failed check and partial after a skipped one; without `status` the
        checks decide. The kernel's `blocked` and `cancelled` stand as failed, as does any other word, which the log
        then tells. Evidence that leads nowhere is a failed check `evidence_resolves`. A second call changes
        nothing. Raises `recovered_elsewhere` if recovery sealed the run while this process was away.
        """
        run = self.run
        if run.recording:
            self._keep_artifacts(run)
        settled = self._settle(status)
        atexit.unregister(self._at_exit)
        try:
            return run.finish(settled, exit=exit, error=error, resources=resources)
        finally:
            self._release_artifacts(run)

    def _settle(self, status: str | None) -> str | None:
        """The kernel's status; `None` where the checks decide."""
        if self.missing:
            return FAILED
        if status is None:
            return None
        if isinstance(status, str) and status in FINAL_STATUSES and status != INTERRUPTED:
            return None if status == SUCCESS else status
        self.log(f"finish: {excerpt(text_of(status))!r} is no status of a run; recorded as failed")
        return FAILED

    def _keep_artifacts(self, run: Run) -> None:
        for name, path, is_file in self._scratch.files():
            if is_file:
                run.output("artifact", path, keep=True, name=name)
            else:
                self.log(f"{name} in the artifacts folder is not a regular file; not kept")

    def _release_artifacts(self, run: Run) -> None:
        """Remove the artifacts folder as far as the sealed bundle has its files; say where the rest is."""
        if not self._scratch.is_ours:
            return
        try:
            manifest = None if run.digest is None else self._store.get(run.run_id).manifest
        except RunstoneError:  # then nothing is known of what it holds
            manifest = None
        left = self._scratch.release(manifest)
        if left is not None:
            say(f"run {run.run_id}: artifacts that no sealed bundle holds are in {left}", run.redactor)

    def _at_exit(self) -> None:
        ended = {"type": "NotFinished", "message": "the process ended before the run was finished"}
        self.finish(FAILED, error=ended)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.run.recording or exc is None or (isinstance(exc, SystemExit) and exc.code in (None, 0)):
            self.finish()
            return
        heard = [*self.run.writer.heard, *kept_out_of(exc)]
        told = {name: without_heard(text, heard) for name, text in describe(exc, self.run.redactor, heard).items()}
        self.log(f"{told['type']}: {told['message']}")
        status = CANCELLED if isinstance(exc, KeyboardInterrupt) else FAILED
        self.finish(status, exit=exit_code(exc), error=told)

    def __repr__(self) -> str:
        return f"<RunWriter {self._pipeline_id} {self._run.run_id if self._run else 'not started'}>"


def _store(store: Store | str | os.PathLike[str] | None) -> Store:
    if isinstance(store, Store):
        return store
    return open_store(None if store is None else os.fspath(store), layout.DEFAULT_STORE)


def _texts(evidence: Any) -> list[str]:
    several = evidence if isinstance(evidence, (list, tuple, set, frozenset)) else [evidence]
    return [text for text in texts_of(item for item in several if item is not None) if text]
