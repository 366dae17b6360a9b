"""The store: one object over the ports, through which runs are recorded, found, read, verified and recovered."""

from __future__ import annotations

from runstone.core import ids
from runstone.core.digests import parse_digest
from runstone.core.journal import proved_prefix, split_lines
from runstone.core.query import parse_query
from runstone.core.redaction.redactor import DECLARED, MIN_DECLARED_LENGTH, PSEUDONYM_KEY_BYTES, Redactor
from runstone.core.redaction.ruleset import ruleset_of_settings
from runstone.core.words import INTERRUPTED, RUNNING
from runstone.engine.current import PARENT
from runstone.engine.reader import Sealed
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Final, TypedDict

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.events import Event
    from runstone.core.redaction.ruleset import Ruleset
    from runstone.engine.disabled import DisabledRun
    from runstone.engine.opening import Resumed
    from runstone.engine.reader import ContractOf
    from runstone.engine.recorder import Run
    from runstone.engine.recoverer import Recovery
    from runstone.engine.verifier import Report
    from runstone.ports.clock import Clock
    from runstone.ports.entropy import Entropy
    from runstone.ports.host import Host
    from runstone.ports.journals import Journals, Leftover, OpenRun
    from runstone.ports.objects import Bundle, Objects

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


LATEST: Final = "@latest"
DAMAGED: Final = "damaged"


class Store:
    """Where runs are recorded and bundles live. Made by `runstone.open`; safe to share between threads."""

    def __init__(
        self,
        url: str,
        objects: Objects,
        journals: Journals,
        host: Host,
        clock: Clock,
        entropy: Entropy,
        contract_of: ContractOf,
        generator: Mapping[str, str],
    ) -> None:
        self.url = url
        self.objects = objects
        self.journals = journals
        self.host = host
        self.clock = clock
        self.entropy = entropy
        self.contract_of = contract_of
        self._generator = dict(generator)
        self._ruleset: Ruleset | None = None

    # record

    def run(
        self,
        kind: str | None = None,
        *,
        version: str | None = None,
        config: Any = None,
        labels: Mapping[str, Any] | None = None,
        contract: str = "runstone",
        run_id: str | None = None,
        links: Iterable[Mapping[str, Any]] = (),
        secrets: Iterable[str] = (),
        argv: list[str] | None = None,
        entry: str | None = None,
        resume: str | None = None,
        strict: bool = False,
    ) -> Run:
        """Start recording a run.

        `kind` says what work it is, `version` which version of it, `labels` are text by text. `secrets` are values
        that must never be written (4 characters or more). `links` point at other runs (`rel`, `run_id`, `digest`).
        With `strict` a fact that cannot be recorded raises; without, the work goes on and the loss is recorded.

        `resume` names a run that did not come to its end: the new one links to it as `retries`, has its kind and its
        configuration unless others are given, and goes on with its steps.

        Raises `run_exists`, `invalid_run_id`, `secret_in_run_id`, `invalid_label`, `invalid_link`,
        `invalid_option`, `unknown_contract`, `too_large`; `store_unavailable` only with `strict`; for `resume` also
        `run_not_found`, `ambiguous_run`, `run_is_open`, `not_resumable`, and what `recover` raises.
        """
        if self.host.setting("RUNSTONE_DISABLED") == "1":
            return self._disabled()  # type: ignore[return-value]  # the same methods, all doing nothing
        from runstone.engine import opening
        from runstone.engine.facts import maybe_text
        from runstone.engine.recorder import Run

        secrets = opening.secrets_of(secrets)
        redactor = self.redactor(secrets)
        rules = self._contract(contract)
        identity = self._identity(run_id, redactor)
        cwd = self.host.cwd()
        resumed = opening.Resumed() if resume is None else self._resumed(resume)
        opened: dict[str, Any] = {
            "run_id": identity,
            "kind": opening.kind_of(resumed.kind if kind is None else kind),
            "version": maybe_text(version),
            "contract": {"name": rules.name, "version": rules.version},
            "generator": self._generator,
            "ruleset": redactor.ruleset,
            "labels": opening.labels_of(labels),
            "links": opening.links_of(links, self._parent(), resumed.links),
            "idempotency": None,
            "argv": self.host.argv() if argv is None else opening.argv_of(argv),
            "cwd": cwd,
            "git": self.host.git(),
            "platform": self.host.platform(),
            "entry": self.host.entry() if entry is None else opening.entry_of(entry),
            **resumed.opened,
        }
        journal, failure = self._claim(identity, strict=strict)
        run = Run(
            identity,
            journal,
            rules,
            redactor,
            self.clock,
            store=self,
            here=self.host.cwd,
            strict=strict,
            secrets=secrets,
            rank=opening.rank_of(self.host),
            axis=resumed.axis,
        )
        run.open(opened, failure)
        if config is not None:
            run.config(config)
        elif resumed.config is not None:
            run.writer.repeat(resumed.config)
        return run

    def _claim(self, run_id: str, *, strict: bool) -> tuple[OpenRun | None, RunstoneError | None]:
        """The journal of a new run; or why there is none, where the work goes on without."""
        try:
            return self.journals.create(run_id), None
        except RunstoneError as exc:
            if strict or exc.code != "store_unavailable":
                raise
            return None, exc

    def _resumed(self, run: str) -> Resumed:
        from runstone.engine.resuming import resumed

        return resumed(self, run)

    def _disabled(self) -> DisabledRun:
        from runstone.engine.disabled import DISABLED

        return DISABLED

    def _contract(self, name: str) -> Contract:
        if not isinstance(name, str):
            raise error("invalid_option", f"contract is text; found {type(name).__name__}", option="contract")
        base, _, version = name.partition("/")
        return self.contract_of(base, version or None)

    def redactor(self, secrets: Iterable[str] = ()) -> Redactor:
        """A redactor for what the caller declares and what the environment holds now."""
        from runstone.engine.opening import secrets_of

        values = dict(self.host.secrets())
        for secret in secrets_of(secrets):
            if not isinstance(secret, str) or len(secret) < MIN_DECLARED_LENGTH:
                raise error(
                    "invalid_option",
                    f"a declared secret is text of {MIN_DECLARED_LENGTH} characters or more",
                    option="secrets",
                    minimum=MIN_DECLARED_LENGTH,
                )
            values[secret] = DECLARED
        rules = self._rules()
        return Redactor(values, rules, self.host, self._pseudonym_key() if rules.pseudonyms else None)

    def _rules(self) -> Ruleset:
        """The rules that come with Runstone, and those of `runstone.toml` as it was at the first run."""
        if self._ruleset is None:
            self._ruleset = ruleset_of_settings(self.host.settings_file())
        return self._ruleset

    def _pseudonym_key(self) -> bytes | None:
        """`None` where the store cannot be written: then nothing can be recorded that a pseudonym would stand in."""
        try:
            return self.journals.pseudonym_key(self.entropy.random_bytes(PSEUDONYM_KEY_BYTES))
        except RunstoneError:
            return None

    def _identity(self, run_id: str | None, redactor: Redactor) -> str:
        if run_id is None:
            return ids.new_run_id(self.entropy.random_bytes(10), self.clock.time_ns() // 1_000_000)
        if not isinstance(run_id, str):
            raise error("invalid_run_id", f"a run id is text; found {type(run_id).__name__}")
        ids.check_run_id(run_id)
        if redactor.text(run_id)[1]:
            raise error("secret_in_run_id", "the run id holds what looks like a secret; choose another")
        return run_id

    def _parent(self) -> list[dict[str, Any]]:
        parent = self.host.setting(PARENT)
        return [{"rel": "child-of", "run_id": parent, "digest": None}] if ids.is_run_id(parent) else []

    # find and read

    def get(self, run: str) -> Sealed:
        """The sealed run that an exact id, a unique prefix, `sha256:<hex>` or `@latest` names.

        Raises `run_not_found`, `ambiguous_run`, `run_is_open`.
        """
        return Sealed(self.objects.open(self.resolve(run)), self.contract_of)

    def resolve(self, run: str) -> str:
        """The id of the sealed run that RUN names. Errors as `get`."""
        if not isinstance(run, str):
            raise error("run_not_found", f"a run is named by text; found {type(run).__name__}", store=self.url)
        if run == LATEST:
            newest = next(self.runs(), None)
            if newest is None:
                raise error("run_not_found", f"no sealed run in {self.url}", store=self.url)
            return newest.run_id
        if run.startswith("sha256:"):
            return self._by_digest(run)
        if ids.is_run_id(run) and self.objects.exists(run):
            return run
        return self._by_prefix(run)

    def _by_digest(self, digest: Digest) -> str:
        parse_digest(digest)
        for sealed in self._sealed():
            if sealed.digest == digest:
                return sealed.run_id
        raise error("run_not_found", f"no run with digest {digest} in {self.url}", digest=digest, store=self.url)

    def _by_prefix(self, prefix: str) -> str:
        still_open = self.journals.open_ids()
        found = sorted(run_id for run_id in self.objects.run_ids() if prefix and run_id.startswith(prefix))
        if len(found) == 1 and prefix not in still_open:
            return found[0]
        if found and prefix not in still_open:
            shown = ", ".join(found[:5])
            raise error("ambiguous_run", f"{prefix!r} fits {len(found)} runs: {shown}", prefix=prefix, found=found[:20])
        opened = [run_id for run_id in still_open if prefix and run_id.startswith(prefix)]
        if opened:
            raise error(
                "run_is_open",
                f"run {opened[0]} is not sealed yet; if its process died, `runstone recover` seals it",
                run_id=opened[0],
            )
        raise error("run_not_found", f"no run {prefix[:140]!r} in {self.url}", run=prefix[:140], store=self.url)

    def runs(self, query: str = "") -> Iterator[Sealed]:
        """Sealed runs that fit a query, newest first by (opened_at, run_id). Unreadable bundles are left out."""
        wanted = parse_query(query)
        found = [sealed for sealed in self._sealed() if wanted.fits(sealed.run_id, sealed.kind, sealed.status)]
        found.sort(key=lambda sealed: (sealed.opened_at, sealed.run_id), reverse=True)
        yield from found

    def _sealed(self) -> Iterator[Sealed]:
        for run_id in self.objects.run_ids():
            sealed = self._try(run_id)
            if sealed is not None:
                yield sealed

    def _try(self, run_id: str) -> Sealed | None:
        bundle = None
        try:
            bundle = self.objects.open(run_id)
            sealed = Sealed(bundle, self.contract_of)
            return sealed if sealed.run_id == run_id else None
        except RunstoneError:
            return None
        finally:
            if bundle is not None:
                bundle.rest()

    def open_runs(self) -> list[OpenSummary]:
        """Runs that are not sealed: being recorded, or left by a process that died."""
        found = []
        for run_id in self.journals.open_ids():
            left = self.journals.read(run_id)
            if left is None or self.objects.exists(run_id):
                continue
            _, opened = next(proved_prefix(split_lines(left.read(0, 1 << 20))), (b"", None))
            found.append(OpenSummary(run_id, opened, alive=self.journals.alive(run_id)))
        return found

    def rows(self, query: str = "") -> list[dict[str, Any]]:
        """What a list shows, newest first: sealed, open and damaged runs as plain mappings."""
        wanted = parse_query(query)
        still_open = self.open_runs()  # before the sealed ones: a run that is sealed in between is in one list or both
        rows = {summary.run_id: summary.row() for summary in still_open}
        for run_id in self.objects.run_ids():
            sealed = self._try(run_id)
            rows[run_id] = _sealed_row(sealed) if sealed is not None else _damaged_row(run_id)
        fitting = [row for row in rows.values() if wanted.fits(row["run_id"], row["kind"] or "", row["status"])]
        fitting.sort(key=lambda row: (row["opened_at"] or "", row["run_id"]), reverse=True)
        return fitting

    def children(self, run: str) -> list[dict[str, Any]]:
        """All runs below one, sealed or open: children, theirs, and so on, each with what it comes to. See `family`.

        Reads every manifest of the store, and the journals of the runs that it answers. Errors as `get`.
        """
        from runstone.engine.family import family

        return family(self, run if run in self.journals.open_ids() else self.resolve(run), self._linked_rows())

    def _linked_rows(self) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        """Each run that names another, sealed or open: its row, and its links as they were recorded."""
        for summary in self.open_runs():
            if summary.opened is not None and summary.opened["data"]["links"]:
                yield summary.row(), summary.opened["data"]["links"]
        for sealed in self._sealed():
            if sealed.manifest["links"]:
                yield _sealed_row(sealed), sealed.manifest["links"]

    # prove and mend

    def verify(self, run: str, *, quick: bool = False, digest: Digest | None = None, secrets: bool = False) -> Report:
        """Verify one sealed run; see `runstone.verify`."""
        from runstone.engine.verifier import verify_bundle

        run_id = self.resolve(run)
        bundle = self.objects.open(run_id)
        try:
            redactor = self.redactor() if secrets else None
            report = verify_bundle(bundle, self.contract_of, quick=quick, digest=digest, redactor=redactor)
        finally:
            bundle.close()
        report.expect_run_id(run_id)
        return report

    def recover(self, run: str | None = None, *, force: bool = False) -> list[Recovery]:
        """Seal what dead writers left, one run or all; a run whose writer is alive is left alone unless `force`.

        A run that cannot be sealed here is `skipped`, with the `reason`, and stays open. Raises `run_not_found`,
        `ambiguous_run`; and `store_unavailable` or `unsealed`, when every other run was tried.
        """
        from runstone.engine.recoverer import recover, recover_all

        if run is not None:
            return [recover(self._open_id(run), self.objects, self.journals, self.contract_of, force=force)]
        done, failures = recover_all(self.objects, self.journals, self.contract_of, force=force)
        if failures:
            raise failures[0]
        return done

    def leftovers(self) -> list[Leftover]:
        """What processes that died left half made beside the runs: `name` and `size_bytes` of each."""
        return self.journals.leftovers()

    def sweep(self) -> list[Leftover]:
        """Remove the leftovers; answers what was removed. What a living process holds is let be."""
        return self.journals.sweep()

    def _open_id(self, run: str) -> str:
        found = [run_id for run_id in self.journals.open_ids() if run_id == run or run_id.startswith(run)]
        if run in found:
            return run
        if len(found) == 1:
            return found[0]
        if found:
            raise error("ambiguous_run", f"{run!r} fits {len(found)} open runs", prefix=run, found=found[:20])
        raise error("run_not_found", f"no open run {run[:140]!r} in {self.url}", run=run[:140], store=self.url)

    def import_bundle(self, bundle: Bundle) -> tuple[str, Digest, str]:
        """Copy a verified bundle into this store; answers run id, digest, `created` or `identical`."""
        from runstone.engine.importer import import_bundle

        return import_bundle(bundle, self.objects, self.contract_of)

    def __repr__(self) -> str:
        return f"<Store {self.url}>"


class OpenSummary:
    """An open run as a list shows it."""

    __slots__ = ("alive", "opened", "run_id")

    def __init__(self, run_id: str, opened: Event | None, *, alive: bool) -> None:
        self.run_id = run_id
        self.opened = opened
        self.alive = alive

    def row(self) -> dict[str, Any]:
        """One row; the status of a run whose process died is what recovery will make of it."""
        data = self.opened["data"] if self.opened else {}
        return {
            "run_id": self.run_id,
            "kind": data.get("kind"),
            "contract": _contract_text(data.get("contract")),
            "status": RUNNING if self.alive else INTERRUPTED,
            "state": "open" if self.alive else "to recover",
            "opened_at": self.opened["ts"] if self.opened else None,
            "closed_at": None,
            "digest": None,
        }


def _contract_text(contract: Any) -> str | None:
    return f"{contract['name']}/{contract['version']}" if contract else None


def _sealed_row(sealed: Sealed) -> dict[str, Any]:
    return {
        "run_id": sealed.run_id,
        "kind": sealed.kind,
        "contract": sealed.contract,
        "status": sealed.status,
        "state": "sealed",
        "opened_at": sealed.opened_at,
        "closed_at": sealed.closed_at,
        "digest": sealed.digest,
    }


def _damaged_row(run_id: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(("kind", "contract", "opened_at", "closed_at", "digest"))
    return {**row, "run_id": run_id, "status": DAMAGED, "state": DAMAGED}
