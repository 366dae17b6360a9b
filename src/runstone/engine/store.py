"""The store: one object over the ports, through which runs are recorded, found, read, verified and recovered."""

from __future__ import annotations

from runstone.core.digests import parse_digest
from runstone.core.journal import proved_prefix, split_lines
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.redaction.redactor import DECLARED, PSEUDONYM_KEY_BYTES, Redactor
from runstone.core.redaction.ruleset import ruleset_of_settings
from runstone.engine.proving import Proving
from runstone.errors import Hiding, RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from runstone.core.contract import Contract
    from runstone.core.diff.comparison import Comparison
    from runstone.core.digests import Digest
    from runstone.core.judgement.verdict import Verdict
    from runstone.core.query import Query
    from runstone.core.redaction.ruleset import Ruleset
    from runstone.core.tombstone import Tombstone
    from runstone.core.tools.contract import ToolContract
    from runstone.engine.catalogue import Progress
    from runstone.engine.claiming import Claim
    from runstone.engine.contracted import Contracted
    from runstone.engine.disabled import DisabledRun
    from runstone.engine.finder import Finder, Page
    from runstone.engine.open_summary import OpenSummary
    from runstone.engine.opening import Resumed
    from runstone.engine.packer import Move, Mover
    from runstone.engine.purger import Purge
    from runstone.engine.reader import ContractOf, Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.tracing import Lineage, Use
    from runstone.ports.catalog import Catalog
    from runstone.ports.clock import Clock
    from runstone.ports.entropy import Entropy
    from runstone.ports.host import Host
    from runstone.ports.journals import Journals, OpenRun
    from runstone.ports.objects import Bundle, Objects
    from runstone.ports.packs import Packs
    from runstone.ports.schemas import Schemas


class Store(Proving):
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
        catalogs: Callable[[], list[Catalog]],
        packs: Callable[[], Packs] | None = None,
        schemas: Callable[[], Schemas] | None = None,
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
        self._catalogs = catalogs
        self._packs = packs
        self._schemas = schemas
        self._known_finder: Finder | None = None

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
        system_metrics: bool = False,
        claim: Claim | None = None,
    ) -> Run:
        """Start recording a run.

        `kind` says what work it is, `version` which version of it, `labels` are text by text. `contract` is a name, or
        `name/version`; `run_id` an id of the caller's own. `links` point at other runs (`rel`, `run_id`, `digest`).
        `secrets` are values that must never be written (4 characters or more). `argv` and `entry` stand for this
        process's own. With `strict` a fact that cannot be recorded raises; without, the work goes on and the loss is
        recorded. `system_metrics` is `Run.watch_system`. `claim` is what a gate takes for the run: the kernel's own.

        `resume` names a run that did not come to its end: the new one links to it as `retries`, has its kind and its
        configuration unless others are given, and goes on with its steps.

        Raises `run_exists`, `invalid_run_id`, `secret_in_run_id`, `invalid_label`, `invalid_link`, `invalid_option`,
        `invalid_settings`, `unknown_contract`, `too_large`; `store_unavailable` only with `strict`; for `resume` also
        `run_not_found`, `ambiguous_run`, `run_is_open`, `not_resumable`, and what `recover` raises.
        """
        from runstone.engine.current import REPLAY, is_switched_off

        if is_switched_off(self.host):
            return self._disabled()  # type: ignore[return-value]  # the same methods, all doing nothing
        from runstone.engine import opening
        from runstone.engine.facts import maybe_text

        if REPLAY.session is not None and not REPLAY.session.making:
            asked: dict[str, Any] = {"version": version, "config": config, "labels": labels, "contract": contract}
            asked |= {"run_id": run_id, "links": links, "secrets": secrets, "resume": resume, "strict": strict}
            return REPLAY.session.opened(kind, {**asked, "system_metrics": system_metrics, "claim": claim})
        secrets = opening.secrets_of(secrets)
        redactor = self.redactor(secrets)
        with Hiding(lambda text: redactor.text(text)[0]):  # of the run that is not open yet
            rules = self._contract(contract)
            identity = opening.identity_of(run_id, redactor, self.entropy, self.clock)
            resumed = opening.Resumed() if resume is None else self._resumed(resume)
            kind = opening.kind_of(resumed.kind if kind is None else kind)
            opened: dict[str, Any] = {
                "run_id": identity,
                "kind": kind,
                "version": maybe_text(version),
                "contract": {"name": rules.name, "version": rules.version},
                "generator": self._generator,
                "ruleset": redactor.ruleset,
                "labels": opening.labels_of(labels),
                "links": opening.links_of(links, opening.parent_of(self.host, kind), resumed.links),
                "idempotency": None if claim is None else claim.opened,
                **opening.surroundings_of(self.host, argv, entry),
                **resumed.opened,
            }
            unseen = run_id is None and claim is None  # whoever asks for a key must see its run before the first line
            journal, failure = self._claim(identity, claim, strict=strict, fresh=unseen)
            run = None
            try:
                run = self._recorder(identity, journal, rules, redactor, secrets, resumed, strict=strict)
                run.open(opened, failure)
            except BaseException:
                opening.give_up(self.journals, identity, journal, run)
                raise
            if config is not None:
                run.config(config)
            elif resumed.config is not None:
                run.writer.repeat(resumed.config)
            if system_metrics:
                run.watch_system()
            return run

    def _recorder(
        self,
        run_id: str,
        journal: OpenRun | None,
        rules: Contract,
        redactor: Redactor,
        secrets: Iterable[str],
        resumed: Resumed,
        *,
        strict: bool,
    ) -> Run:
        from runstone.engine.opening import rank_of
        from runstone.engine.recorder import Run

        return Run(
            run_id,
            journal,
            rules,
            redactor,
            self.clock,
            store=self,
            here=self.host.cwd,
            strict=strict,
            secrets=secrets,
            rank=rank_of(self.host),
            axis=resumed.axis,
            meters=self.host.meters,
        )

    def _claim(
        self, run_id: str, claim: Claim | None, *, strict: bool, fresh: bool
    ) -> tuple[OpenRun | None, RunstoneError | None]:
        """The journal of a new run; or why there is none, where the work goes on without."""
        try:
            journal = self.journals.create(run_id, fresh=fresh)
        except RunstoneError as exc:
            if strict or exc.code != "store_unavailable":
                raise
            return None, exc
        if claim is not None:
            claim.take(run_id, journal)
        return journal, None

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
        from runstone.engine.opening import is_word, secrets_of

        found = {value: rule for value, rule in self.host.secrets().items() if not is_word(value)}
        values = {**found, **dict.fromkeys(secrets_of(secrets), DECLARED)}
        rules = self._rules()
        return Redactor(values, rules, self.host, self.pseudonym_key() if rules.pseudonyms else None)

    def _rules(self) -> Ruleset:
        """The rules that come with Runstone, and those of `runstone.toml` as it was at the first run."""
        if self._ruleset is None:
            self._ruleset = ruleset_of_settings(self.host.settings_file())
        return self._ruleset

    def pseudonym_key(self) -> bytes | None:
        """The key of this store's pseudonyms, made when it is first asked for; who has it can test guesses.

        `None` where the store cannot be written: then nothing can be recorded that a pseudonym would stand in.
        """
        try:
            return self.journals.pseudonym_key(self.entropy.random_bytes(PSEUDONYM_KEY_BYTES))
        except RunstoneError:
            return None

    def contracted(self, contract: ToolContract | Mapping[str, Any]) -> Contracted:
        """A tool's contract, or its document, made ready for calls, whose pseudonyms are this store's.

        Raises `invalid_tool_contract`, `missing_extra`; `invalid_option` if the store was made without `schemas`.
        """
        from runstone.core.tools.contract import ToolContract
        from runstone.engine.contracted import Contracted

        contract = ToolContract.of(contract)
        if self._schemas is None:
            message = (
                "this store was made without port 'schemas', by which arguments of tools are held against their "
                "contracts: give Store(…, schemas=…), as runstone.adapters.schemas.JsonSchemas"
            )
            raise error("invalid_option", message, option="schemas", tool=contract.name)
        return Contracted(contract, self._schemas(), self.pseudonym_key)

    # find and read

    def get(self, run: str) -> Sealed:
        """The sealed run that an exact id, a unique prefix, `sha256:<hex>`, `@latest` or `@alias` names.

        Raises `run_not_found`, `run_purged`, `ambiguous_run`, `run_is_open`; `bundle_damaged` where its manifest cannot
        be read, or is another run's.
        """
        from runstone.engine.reader import sealed_under  # no recording waits for it to be loaded

        return sealed_under(self.objects, self.resolve(run), self.contract_of, self.url)

    def resolve(self, run: str) -> str:
        """The id of the sealed run that RUN names. Errors as `get`."""
        from runstone.engine.naming import sealed_id

        return sealed_id(self, self._finder, run)

    def runs(self, query: str | Query = "") -> Iterator[Sealed]:
        """Sealed runs that fit a query, in its order: newest first. Bundles that cannot be read are left out."""
        wanted = self._query(query)
        return (sealed for run_id in self._finder.sealed(wanted) if (sealed := self._try(run_id)) is not None)

    def _query(self, asked: str | Query) -> Query:
        from runstone.core.query import Query, parse_query

        return asked if isinstance(asked, Query) else parse_query(asked, self.clock.time_ns())

    @property
    def _finder(self) -> Finder:
        if self._known_finder is None:
            from runstone.engine.catalogue import Catalogue
            from runstone.engine.finder import Finder

            self._known_finder = Finder(self.objects, self.journals, Catalogue(self.objects, self._catalogs()))
        return self._known_finder

    def _try(self, run_id: str) -> Sealed | None:
        from runstone.engine.reader import sealed_under

        try:
            sealed = sealed_under(self.objects, run_id, self.contract_of, self.url)
        except RunstoneError:
            return None
        sealed.close()
        return sealed

    def open_runs(self) -> list[OpenSummary]:
        """Runs that are not sealed: being recorded, or left by a process that died."""
        from runstone.engine.open_summary import OpenSummary

        found = []
        for run_id in self.journals.open_ids():
            left = self.journals.read(run_id)
            if left is None or self.objects.exists(run_id):
                continue
            _, opened = next(proved_prefix(split_lines(left.read(0, MAX_LINE_BYTES))), (b"", None))
            found.append(OpenSummary(run_id, opened, alive=self.journals.alive(run_id)))
        return found

    def rows(self, query: str = "") -> list[dict[str, Any]]:
        """What a list shows, newest first: sealed, open and damaged runs as plain mappings."""
        return self._finder.page(self._query(query), None, None).rows

    def page(
        self,
        query: str | Query = "",
        *,
        limit: int | None = 50,
        after: str | None = None,
        progress: Progress | None = None,
    ) -> Page:
        """At most `limit` rows of the list (`None`: all), and `next`: the cursor to go on `after`, or `None`.

        Raises `invalid_query`, `invalid_cursor`, `invalid_option`.
        """
        from runstone.core.query import parse_cursor

        cursor = None if after is None else parse_cursor(after)
        return self._finder.page(self._query(query), cursor, limit, progress)

    def to_pandas(self, query: str = "") -> Any:
        """A table of the runs that fit, open ones too: a row a run; columns for what a list shows, `label.…`,
        `check.…`, `metric.…`, `score.…` and `config.…`. Raises `invalid_query`, and `ImportError` without pandas."""
        from runstone.engine.frames import frame_of

        return frame_of(self._finder.all_cards(self._query(query)))

    def find(self, target: str | os.PathLike[str]) -> list[Use]:
        """The runs that made or read a file, or the bytes of a digest (`sha256:<hex>`), newest first.

        Each has `row`, `role` (`made` or `read`), `name`, `type` and `decision`. Raises `OSError`, `invalid_digest`,
        `changed_while_read`.
        """
        from runstone.engine.artifacts import digest_of_file
        from runstone.engine.tracing import uses

        name = target if isinstance(target, str) else target.__fspath__()
        if name.startswith("sha256:"):
            parse_digest(name)
            return uses(self._finder, name)
        return uses(self._finder, digest_of_file(name))

    def lineage(self, start: str) -> Lineage:
        """What led to a run (`run:<id>`) or to bytes (`sha256:<hex>`), and what they led to.

        Raises `invalid_option` for what is neither, `invalid_digest`.
        """
        from runstone.engine.tracing import lineage

        return lineage(self._finder, start)

    def annotate(
        self,
        run: str,
        *,
        labels: Mapping[str, Any] | None = None,
        note: str | None = None,
        scores: Mapping[str, Any] | None = None,
        name: str | None = None,
        by: str | None = None,
    ) -> Sealed:
        """Say something of a sealed run, as a sealed run of kind `annotation` that amends it; answers that.

        Lists, queries and `show` fold it over the run, whose own bytes and digest never change; a later annotation
        wins. A label of `None` takes a label away, a `name` of `""` the name. `by` is who says so (default: the user).

        Raises as `get`; `invalid_label`, `invalid_option`, `store_unavailable`.
        """
        from runstone.engine.annotating import annotate

        return annotate(self, self.get(run), labels or {}, note, scores or {}, name, {}, by)

    def override(self, run: str, *, by: str, reason: str, outcome: str = "allow") -> Sealed:
        """Say of a sealed run's decision that it is `outcome`, as an annotation by somebody who may; answers that.

        `reason` has 6 characters or more. A gate lets one call pass by it (`override_of`). Raises as `annotate`;
        `invalid_option` for a run without a decision.
        """
        from runstone.engine.overriding import override

        return override(self, self.get(run), by, reason, outcome)

    def alias(self, alias: str, run: str | None, *, by: str | None = None) -> Sealed:
        """Let `@alias` name a sealed run from now on, instead of any other; with `None` no run. As an annotation.

        Raises as `annotate`; `run_not_found` where an alias that names no run is taken away.
        """
        from runstone.engine.annotating import annotate

        target = self.get(f"@{alias}" if run is None else run)
        return annotate(self, target, {}, None, {}, None, {alias: run is not None}, by)

    def aliases(self) -> dict[str, str]:
        """Alias → id of the run that it names."""
        from runstone.engine.annotating import all_aliases

        return all_aliases(self._finder)

    def annotations(self, run: str | Sealed) -> list[dict[str, Any]]:
        """What was said of a run since it was sealed, the oldest first: `at`, `by`, `labels`, `scores`, `notes`,
        `aliases`, perhaps `name`, and the `run_id` of the annotation.

        It is what amends these very bytes; a `Sealed` may be of another store. Raises as `get`.
        """
        from runstone.engine.annotating import digest_of_run, history
        from runstone.engine.reader import Sealed

        if isinstance(run, Sealed):
            return history(self._finder, run.run_id, run.digest)
        run_id = self.resolve(run)
        return history(self._finder, run_id, digest_of_run(self._finder, run_id))

    def plan(self, query: str) -> str:
        """In words: by which index the runs of a query are found, or that all are looked at."""
        return self._finder.plan(self._query(query))

    def reindex(self, progress: Progress | None = None) -> int:
        """Forget the catalog and read every bundle; answers how many. Raises `store_unavailable`."""
        from runstone.ports.catalog import CatalogLost

        try:
            return self._finder.catalogue.rebuild(progress)
        except CatalogLost as exc:
            raise error("store_unavailable", f"no catalog can be kept in {self.url}: {exc}", store=self.url) from exc

    def compare(self, a: str | Sealed, b: str | Sealed, *more: str | Sealed) -> Comparison:
        """What differs between baseline `a` and `b`, and any number of other candidates; see `runstone.compare`.

        Each is a RUN, as `get` takes it, or a `Sealed`. Errors as `get`; and `bundle_damaged`.
        """
        from runstone.engine.comparer import compare_opened

        return compare_opened(self.get, [a, b, *more], self.annotations)

    def judge(
        self,
        run: str | Sealed,
        *,
        baseline: str | Sealed | None = None,
        limits: Iterable[str] = (),
        require: Iterable[str] = (),
        same: Iterable[str] = (),
        rules: Iterable[str] = (),
    ) -> Verdict:
        """The verdict on `run`, beside `baseline` if there is one, recorded here as a sealed run of kind `judge`.

        `limits` are texts as `max metric.loss:+2%` and `min score.f1:-0.01`, `require` names checks (`check.rows`),
        `same` sections that must not differ (`outcome`), `rules` any rules (`meet scores`, `cited`). What is not there
        fails. Raises `invalid_option` for no rule, `bundle_damaged`, errors as `get`, and those of a strict run.
        """
        from runstone.engine.judge import judge_opened

        texts = [*limits, *(f"require {name}" for name in require), *(f"same {name}" for name in same), *rules]
        return judge_opened(self, self.get, run, baseline, texts)

    def children(self, run: str) -> list[dict[str, Any]]:
        """All runs below one, sealed or open: children, theirs, and so on, each with what it comes to. See `family`.

        Errors as `get`.
        """
        from runstone.engine.family import family, linked_by

        return family(self, run if run in self.journals.open_ids() else self.resolve(run), linked_by(self._finder))

    # import

    def import_bundle(self, bundle: Bundle) -> tuple[str, Digest, str]:
        """Copy a verified bundle into this store; answers run id, digest, `created` or `identical`.

        A path is opened first, by `runstone.locate.open_bundle`; of a `Sealed` it is its `bundle`. Raises
        `invalid_option` for anything else, `bundle_damaged`, `run_exists`, `changed_while_read`.
        """
        from runstone.engine.current import not_in_a_replay
        from runstone.engine.importer import import_bundle
        from runstone.engine.publishing import publisher_of

        not_in_a_replay("imports a bundle")
        imported = import_bundle(bundle, self.objects, self.contract_of, self.journals.claims)
        publisher_of(self).publish(imported[0])
        return imported

    # pack

    def pack(self, query: str | None = None, *, progress: Progress | None = None) -> list[Move]:
        """Move sealed runs into packs: those that a query fits, or all. Answers what was moved, or was to be.

        Bytes, digests and answers stay the same. What keeps a run where it is, is its `problem`. Raises
        `invalid_query`, and `unsupported_store` for a store in memory.
        """
        return self._mover.move("pack", query, progress)

    def unpack(self, query: str | None = None, *, progress: Progress | None = None) -> list[Move]:
        """Move packed runs into folders of their own. As `pack`."""
        return self._mover.move("unpack", query, progress)

    @property
    def _mover(self) -> Mover:
        from runstone.engine.current import not_in_a_replay
        from runstone.engine.packer import Mover

        not_in_a_replay("moves runs")
        return Mover(self.url, None if self._packs is None else self._packs(), self.objects, self._finder, self._query)

    # purge

    def purge(
        self,
        policy: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        *,
        holds: Iterable[str] = (),
        grace: str | None = None,
        apply: bool = False,
        by: str | None = None,
        reason: str | None = None,
        progress: Progress | None = None,
    ) -> Purge:
        """Say which runs a policy takes; with `apply` mark them, and remove those whose time has come.

        `policy` is a mapping as the table `retention` of `runstone.toml`, or the path of such a file; without one it is
        that of `runstone.toml`, whose holds count in any case, as do `holds`, queries. `grace` (`7d`) goes before what
        the policy says. Tombstones tell `by` whom (default: the user), and the `reason`. What cannot be done with one
        run is in its `problem`. Raises `invalid_settings`, `invalid_query`.
        """
        from runstone.engine.current import not_in_a_replay
        from runstone.engine.purger import purger_of
        from runstone.engine.retention import policy_in_force

        now_ns = self.clock.time_ns()
        purger = purger_of(self, policy_in_force(policy, self.host, now_ns, holds, grace), now_ns, progress)
        purge = purger.plan()
        if apply:
            not_in_a_replay("purges runs")
            redactor = self.redactor()
            purger.apply(purge, by, self.host.user(), reason, lambda text: redactor.text(text)[0])
        return purge

    def _needed(self) -> set[str]:
        """Runs that an open run links to."""
        opened = [summary.opened for summary in self.open_runs()]
        return {link["run_id"] for event in opened if event is not None for link in event["data"]["links"]}

    def cancel_purge(self, run: str) -> list[str]:
        """Take the mark of a run back, and those of the annotations that go with it; answers their ids.

        Raises `not_marked`, `run_in_use`, and as `get`.
        """
        from runstone.engine.current import not_in_a_replay
        from runstone.engine.purger import cancel

        not_in_a_replay("takes the mark of a purge back")
        run_id = self.resolve(run)
        found = cancel(self._finder, self.objects, run_id)
        if not found:
            raise error("not_marked", f"run {run_id} is not marked to be purged", run_id=run_id)
        return found

    def tombstones(self) -> list[Tombstone]:
        """Runs that are marked to be purged (`state` is `pending`), and those that were (`purged`), by id."""
        from runstone.core.tombstone import PENDING

        stones = self.objects.tombstones()
        return [stone for stone in stones if stone.state == PENDING or not self.objects.exists(stone.run_id)]

    def _repr_html_(self) -> str:
        from runstone.engine.notebook import store_html

        return store_html(self)

    def __repr__(self) -> str:
        return f"<Store {self.url}>"
