"""A store whose methods are awaited.

Written by `tools/async_layer.py` from `store.py`: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.engine.async_block import AsyncRunBlock
from runstone.engine.hopping import Hopping

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from typing import Any

    from runstone.core.diff.comparison import Comparison
    from runstone.core.digests import Digest
    from runstone.core.judgement.verdict import Verdict
    from runstone.core.query import Query
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.tombstone import Tombstone
    from runstone.core.tools.contract import ToolContract
    from runstone.engine.catalogue import Progress
    from runstone.engine.claiming import Claim
    from runstone.engine.contracted import Contracted
    from runstone.engine.finder import Page
    from runstone.engine.hopping import Threads
    from runstone.engine.open_summary import OpenSummary
    from runstone.engine.packer import Move
    from runstone.engine.purger import Purge
    from runstone.engine.reader import Sealed
    from runstone.engine.recoverer import Recovery
    from runstone.engine.replay.report import Replay
    from runstone.engine.store import Store
    from runstone.engine.tracing import Lineage, Use
    from runstone.engine.verifier import Report
    from runstone.ports.journals import Leftover
    from runstone.ports.objects import Bundle


class AsyncStore(Hopping):
    """A `Store` whose methods are awaited, each made in a thread. Made by `runstone.open_async`.

    `sync` is the plain one. It answers what that does; to read much of a `Sealed`:
    `await store.in_thread(sealed.document, path)`.
    """

    def __init__(self, sync: Store, threads: Threads | None = None) -> None:
        super().__init__(threads)
        self.sync = sync

    @property
    def url(self) -> str:
        """As the plain one has it."""
        return self.sync.url

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
    ) -> AsyncRunBlock:
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
        return AsyncRunBlock(
            self,
            lambda: self.sync.run(
                kind,
                version=version,
                config=config,
                labels=labels,
                contract=contract,
                run_id=run_id,
                links=links,
                secrets=secrets,
                argv=argv,
                entry=entry,
                resume=resume,
                strict=strict,
                system_metrics=system_metrics,
                claim=claim,
            ),
        )

    async def redactor(
        self,
        secrets: Iterable[str] = (),
    ) -> Redactor:
        """A redactor for what the caller declares and what the environment holds now."""
        return await self.in_thread(self.sync.redactor, secrets)

    async def pseudonym_key(self) -> bytes | None:
        """The key of this store's pseudonyms, made when it is first asked for; who has it can test guesses.

        `None` where the store cannot be written: then nothing can be recorded that a pseudonym would stand in.
        """
        return await self.in_thread(self.sync.pseudonym_key)

    async def contracted(
        self,
        contract: ToolContract | Mapping[str, Any],
    ) -> Contracted:
        """A tool's contract, or its document, made ready for calls, whose pseudonyms are this store's.

        Raises `invalid_tool_contract`, `missing_extra`; `invalid_option` if the store was made without `schemas`.
        """
        return await self.in_thread(self.sync.contracted, contract)

    async def get(
        self,
        run: str,
    ) -> Sealed:
        """The sealed run that an exact id, a unique prefix, `sha256:<hex>`, `@latest` or `@alias` names.

        Raises `run_not_found`, `run_purged`, `ambiguous_run`, `run_is_open`; `bundle_damaged` where its manifest cannot
        be read, or is another run's.
        """
        return await self.in_thread(self.sync.get, run)

    async def resolve(
        self,
        run: str,
    ) -> str:
        """The id of the sealed run that RUN names. Errors as `get`."""
        return await self.in_thread(self.sync.resolve, run)

    def runs(
        self,
        query: str | Query = "",
    ) -> AsyncIterator[Sealed]:
        """Sealed runs that fit a query, in its order: newest first. Bundles that cannot be read are left out."""
        return self.each(
            lambda: self.sync.runs(
                query,
            ),
        )

    async def open_runs(self) -> list[OpenSummary]:
        """Runs that are not sealed: being recorded, or left by a process that died."""
        return await self.in_thread(self.sync.open_runs)

    async def rows(
        self,
        query: str = "",
    ) -> list[dict[str, Any]]:
        """What a list shows, newest first: sealed, open and damaged runs as plain mappings."""
        return await self.in_thread(self.sync.rows, query)

    async def page(
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
        return await self.in_thread(
            self.sync.page,
            query,
            limit=limit,
            after=after,
            progress=progress,
        )

    async def to_pandas(
        self,
        query: str = "",
    ) -> Any:
        """A table of the runs that fit, open ones too: a row a run; columns for what a list shows, `label.…`,
        `check.…`, `metric.…`, `score.…` and `config.…`. Raises `invalid_query`, and `ImportError` without pandas."""
        return await self.in_thread(self.sync.to_pandas, query)

    async def find(
        self,
        target: str | os.PathLike[str],
    ) -> list[Use]:
        """The runs that made or read a file, or the bytes of a digest (`sha256:<hex>`), newest first.

        Each has `row`, `role` (`made` or `read`), `name`, `type` and `decision`. Raises `OSError`, `invalid_digest`,
        `changed_while_read`.
        """
        return await self.in_thread(self.sync.find, target)

    async def lineage(
        self,
        start: str,
    ) -> Lineage:
        """What led to a run (`run:<id>`) or to bytes (`sha256:<hex>`), and what they led to.

        Raises `invalid_option` for what is neither, `invalid_digest`.
        """
        return await self.in_thread(self.sync.lineage, start)

    async def annotate(
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
        return await self.in_thread(
            self.sync.annotate,
            run,
            labels=labels,
            note=note,
            scores=scores,
            name=name,
            by=by,
        )

    async def override(
        self,
        run: str,
        *,
        by: str,
        reason: str,
        outcome: str = "allow",
    ) -> Sealed:
        """Say of a sealed run's decision that it is `outcome`, as an annotation by somebody who may; answers that.

        `reason` has 6 characters or more. A gate lets one call pass by it (`override_of`). Raises as `annotate`;
        `invalid_option` for a run without a decision.
        """
        return await self.in_thread(
            self.sync.override,
            run,
            by=by,
            reason=reason,
            outcome=outcome,
        )

    async def alias(
        self,
        alias: str,
        run: str | None,
        *,
        by: str | None = None,
    ) -> Sealed:
        """Let `@alias` name a sealed run from now on, instead of any other; with `None` no run. As an annotation.

        Raises as `annotate`; `run_not_found` where an alias that names no run is taken away.
        """
        return await self.in_thread(
            self.sync.alias,
            alias,
            run,
            by=by,
        )

    async def aliases(self) -> dict[str, str]:
        """Alias → id of the run that it names."""
        return await self.in_thread(self.sync.aliases)

    async def annotations(
        self,
        run: str | Sealed,
    ) -> list[dict[str, Any]]:
        """What was said of a run since it was sealed, the oldest first: `at`, `by`, `labels`, `scores`, `notes`,
        `aliases`, perhaps `name`, and the `run_id` of the annotation.

        It is what amends these very bytes; a `Sealed` may be of another store. Raises as `get`.
        """
        return await self.in_thread(self.sync.annotations, run)

    async def plan(
        self,
        query: str,
    ) -> str:
        """In words: by which index the runs of a query are found, or that all are looked at."""
        return await self.in_thread(self.sync.plan, query)

    async def reindex(
        self,
        progress: Progress | None = None,
    ) -> int:
        """Forget the catalog and read every bundle; answers how many. Raises `store_unavailable`."""
        return await self.in_thread(self.sync.reindex, progress)

    async def compare(
        self,
        a: str | Sealed,
        b: str | Sealed,
        *more: str | Sealed,
    ) -> Comparison:
        """What differs between baseline `a` and `b`, and any number of other candidates; see `runstone.compare`.

        Each is a RUN, as `get` takes it, or a `Sealed`. Errors as `get`; and `bundle_damaged`.
        """
        return await self.in_thread(
            self.sync.compare,
            a,
            b,
            *more,
        )

    async def judge(
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
        return await self.in_thread(
            self.sync.judge,
            run,
            baseline=baseline,
            limits=limits,
            require=require,
            same=same,
            rules=rules,
        )

    async def children(
        self,
        run: str,
    ) -> list[dict[str, Any]]:
        """All runs below one, sealed or open: children, theirs, and so on, each with what it comes to. See `family`.

        Errors as `get`.
        """
        return await self.in_thread(self.sync.children, run)

    async def import_bundle(
        self,
        bundle: Bundle,
    ) -> tuple[str, Digest, str]:
        """Copy a verified bundle into this store; answers run id, digest, `created` or `identical`.

        A path is opened first, by `runstone.locate.open_bundle`; of a `Sealed` it is its `bundle`. Raises
        `invalid_option` for anything else, `bundle_damaged`, `run_exists`, `changed_while_read`.
        """
        return await self.in_thread(self.sync.import_bundle, bundle)

    async def pack(
        self,
        query: str | None = None,
        *,
        progress: Progress | None = None,
    ) -> list[Move]:
        """Move sealed runs into packs: those that a query fits, or all. Answers what was moved, or was to be.

        Bytes, digests and answers stay the same. What keeps a run where it is, is its `problem`. Raises
        `invalid_query`, and `unsupported_store` for a store in memory.
        """
        return await self.in_thread(
            self.sync.pack,
            query,
            progress=progress,
        )

    async def unpack(
        self,
        query: str | None = None,
        *,
        progress: Progress | None = None,
    ) -> list[Move]:
        """Move packed runs into folders of their own. As `pack`."""
        return await self.in_thread(
            self.sync.unpack,
            query,
            progress=progress,
        )

    async def purge(
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
        return await self.in_thread(
            self.sync.purge,
            policy,
            holds=holds,
            grace=grace,
            apply=apply,
            by=by,
            reason=reason,
            progress=progress,
        )

    async def cancel_purge(
        self,
        run: str,
    ) -> list[str]:
        """Take the mark of a run back, and those of the annotations that go with it; answers their ids.

        Raises `not_marked`, `run_in_use`, and as `get`.
        """
        return await self.in_thread(self.sync.cancel_purge, run)

    async def tombstones(self) -> list[Tombstone]:
        """Runs that are marked to be purged (`state` is `pending`), and those that were (`purged`), by id."""
        return await self.in_thread(self.sync.tombstones)

    async def verify(
        self,
        run: str,
        *,
        quick: bool = False,
        digest: Digest | None = None,
        secrets: bool = False,
    ) -> Report:
        """Verify one sealed run; see `runstone.verify`."""
        return await self.in_thread(
            self.sync.verify,
            run,
            quick=quick,
            digest=digest,
            secrets=secrets,
        )

    async def recover(
        self,
        run: str | None = None,
        *,
        force: bool = False,
    ) -> list[Recovery]:
        """Seal what dead writers left, one run or all; a run whose writer is alive is left alone unless `force`.

        A run that cannot be sealed here is `skipped`, with the `reason`, and stays open. Raises `run_not_found`,
        `ambiguous_run`; and `store_unavailable` or `unsealed`, when every other run was tried.
        """
        return await self.in_thread(
            self.sync.recover,
            run,
            force=force,
        )

    async def leftovers(self) -> list[Leftover]:
        """What processes that died left half made beside the runs: `name` and `size_bytes` of each."""
        return await self.in_thread(self.sync.leftovers)

    async def sweep(self) -> list[Leftover]:
        """Remove the leftovers; answers what was removed. What a living process holds is let be."""
        return await self.in_thread(self.sync.sweep)

    async def replay(
        self,
        run: str,
        *,
        mode: str | None = None,
        live: Iterable[str] = (),
        identities: Sequence[Any] = (),
        scratch: str | os.PathLike[str] | None = None,
        trust: bool = False,
        network: bool = False,
    ) -> Replay:
        """Do a run again, in a process of its own, its tools answered from the record; answers what came of it.

        Calls come in `strict` order or `by-key`; without a `mode` the record decides. Those named in `live` are made
        for real (`hybrid`). `identities` open what debug mode has kept, `scratch` is a folder that may be written,
        `trust` is for a run that was imported. A wrapped command is run in its folder, which is this process's
        meanwhile, and reaches the network with `network`. Raises as `get`; `cannot_replay`, `not_trusted`,
        `bundle_damaged`, `file_not_found`, `digest_mismatch`, `invalid_option`, `store_unavailable`,
        `unsupported_store`.
        """
        return await self.in_thread(
            self.sync.replay,
            run,
            mode=mode,
            live=live,
            identities=identities,
            scratch=scratch,
            trust=trust,
            network=network,
        )
