"""`ArtifactStore`: where runs of agents are recorded and found, the same for a command and for a service.

- It is a store of the kernel and nothing beside it: it opens a `runstone.Run` and gets a `runstone.Sealed`.
- Who asked stands in a `context` event, and as labels, so that lists and queries find it.
- Nothing is read of the machine but through the store's ports: with these fixed the same run gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runstone.contracts.agent import layout
from runstone.contracts.agent.document import NAME, VERSION
from runstone.core.audit import ASKED
from runstone.core.card import GIVEN
from runstone.core.parsing import load
from runstone.core.query import Query, exactly, parse_query
from runstone.engine.facts import mapping_of, maybe_text, text_of
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import error
from runstone.locate import open_store, packs_by_default

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import Any

    from runstone.engine.finder import Page
    from runstone.engine.recorder import Run


@dataclass(frozen=True, kw_only=True)
class AgentRun:
    """A run of an agent as its caller describes it.

    `name` says which agent, `version` which version of it. `request_id`, `tenant` and `user` say who asks for what;
    they are texts, and labels of the run, too. `config` is the resolved configuration, `sources` says by JSON Pointer
    where its values came from, `volatile` on which of them the outcome must not depend. `versions` are those of
    providers and libraries, by name. All else is as in `Store.run`.
    """

    name: str = field(kw_only=False)
    version: str | None = None
    request_id: str | None = None
    tenant: str | None = None
    user: str | None = None
    config: Any = None
    sources: Mapping[str, Any] | None = None
    volatile: Iterable[str] = ()
    versions: Mapping[str, Any] | None = None
    labels: Mapping[str, Any] | None = None
    links: Iterable[Mapping[str, Any]] = ()
    secrets: Iterable[str] = ()
    run_id: str | None = None
    argv: list[str] | None = None
    entry: str | None = None
    resume: str | None = None
    strict: bool = False

    @property
    def asked(self) -> dict[str, str]:
        """What is known of who asks, by name."""
        said = {name: maybe_text(getattr(self, name)) for name in ASKED}
        return {name: value for name, value in said.items() if value is not None}


class RunArtifact(Sealed):
    """A sealed run with the documents of its bundle by the names that they have there.

    Each is folded from the journal when it is asked for, and `None` where what it tells of did not happen. A run of
    another contract has the documents that it would have.
    """

    @property
    def run(self) -> dict[str, Any]:
        """`run.json`: the index."""
        found = self._fold(layout.RUN)
        assert found is not None, "every run has it"
        return found

    @property
    def config(self) -> dict[str, Any] | None:
        """`config.snapshot.json`: each value of the configuration, and where it came from."""
        return self._fold(layout.CONFIG)

    @property
    def evidence(self) -> dict[str, Any] | None:
        """`evidence.json`: what was retrieved and what was cited."""
        return self._fold(layout.EVIDENCE)

    @property
    def tool_calls(self) -> dict[str, Any] | None:
        """`tool_calls.json`: the calls of tools and of models, in short."""
        return self._fold(layout.TOOL_CALLS)

    @property
    def scorecard(self) -> dict[str, Any] | None:
        """`eval/scorecard.json`: the scores."""
        return self._fold(layout.SCORECARD)

    @property
    def gate(self) -> dict[str, Any] | None:
        """`eval/gate.json`: the verdict."""
        return self._fold(layout.GATE)

    def _fold(self, path: str) -> dict[str, Any] | None:
        own = self.manifest["contract"]["name"] == NAME
        for document in self.documents(None if own else NAME):
            if document.path == path:
                found: dict[str, Any] = load(b"".join(document.pieces()))
                return found
        return None


class ArtifactStore:
    """The store at a path or URL, without one `RUNSTONE_STORE`, else `./runs`; or over a `Store` that is open.

    With `packed` what is recorded goes into packs; where it is not given, `RUNSTONE_PACKED` decides. Nothing is written
    by opening. Raises `unsupported_store`.
    """

    def __init__(self, url: str | os.PathLike[str] | Store | None = None, *, packed: bool | None = None) -> None:
        if isinstance(url, Store):
            self.store = url
        else:
            self.store = open_store(url, packed=packs_by_default() if packed is None else packed)

    def open(self, run: str | AgentRun, *, parent: Run | None = None) -> Run:
        """Start recording a run of an agent: by its name, or as an `AgentRun` describes it. A context manager.

        With a `parent` it is a part of that run, in that run's store, as by `Run.child`. Raises as `Store.run`, before
        anything is written.
        """
        asked = _described(run)
        start = self.store.run if parent is None else parent.child
        opened = start(
            asked.name,
            version=asked.version,
            contract=f"{NAME}/{VERSION}",
            labels=_labels(asked),
            links=asked.links,
            secrets=asked.secrets,
            run_id=asked.run_id,
            argv=asked.argv,
            entry=asked.entry,
            resume=asked.resume,
            strict=asked.strict,
        )
        if asked.asked or asked.versions:
            versions = {name: text_of(said) for name, said in mapping_of(asked.versions or {}).items()}
            opened.event("context", {**dict.fromkeys(ASKED), **asked.asked, "versions": versions})
        if asked.config is not None:
            opened.config(asked.config, asked.sources, asked.volatile)
        return opened

    def get(self, run: str) -> RunArtifact:
        """The sealed run that an exact id, a unique prefix, `sha256:<hex>`, `@latest` or `@alias` names.

        Raises as `Store.get`.
        """
        return RunArtifact(self.store.get(run).bundle, self.store.contract_of)

    def list(
        self,
        query: str = "",
        *,
        agent: str | None = None,
        status: str | None = None,
        request_id: str | None = None,
        tenant: str | None = None,
        user: str | None = None,
        limit: int | None = 50,
        after: str | None = None,
    ) -> Page:
        """At most `limit` rows of runs of agents (`None`: all), newest first, open ones too, and `next`: the cursor to
        go on `after`, or `None`.

        `query` is in the query language; the other words narrow it down, by what the run itself was opened with,
        whatever annotations say. Raises `invalid_query`, `invalid_cursor`.
        """
        given = parse_query(query, self.store.clock.time_ns())
        asked = {"kind": agent, "status": status}
        asked |= {f"{GIVEN}.{name}": value for name, value in zip(ASKED, (request_id, tenant, user), strict=True)}
        terms = [exactly(name, value) for name, value in asked.items() if value is not None]
        wanted = Query([*given.terms, exactly("contract", NAME), *terms], given.sort, descending=given.descending)
        return self.store.page(wanted, limit=limit, after=after)

    def __repr__(self) -> str:
        return f"<ArtifactStore {self.store.url}>"


def _described(run: Any) -> AgentRun:
    if isinstance(run, AgentRun):
        return run
    if isinstance(run, str):
        return AgentRun(run)
    message = f"a run is opened by the agent's name or an AgentRun; found {type(run).__name__}"
    raise error("invalid_option", message, option="run")


def _labels(run: AgentRun) -> dict[str, Any] | None:
    """The caller's own labels, and who asked, where no label of that name says it already."""
    if run.labels is None or not run.asked:
        return run.asked or run.labels  # type: ignore[return-value]  # what is no mapping is refused by the store
    return {**run.asked, **mapping_of(run.labels)}
