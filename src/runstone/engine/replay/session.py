"""The process of a replay: which of its runs replays which recorded one, and what is told of it to who started it.

- The first run of the recorded kind replays the recorded run; runs that are begun as a part of it replay the recorded
  parts of their kind, in the order in which these were opened. They are recorded in the store of the record.
- Any other run of the process is recorded in the scratch folder, and its tools have no answers.
- Stores of states are copies in the scratch folder, as the recorded run found them.
- The first divergence is recorded in the run in which it is found, as a `divergence` event.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from runstone.core.recorded import Record
from runstone.core.values import coerce
from runstone.core.words import CHILD_OF, HIDDEN_KINDS, REPLAYS, RETRIES
from runstone.engine.replay.book import BY_KEY, STRICT, Book
from runstone.engine.replay.states_then import StatesThen
from runstone.engine.replay.stopping import REFUSED, Divergence, Stopped
from runstone.errors import RunstoneError, error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Final

    from runstone.core.judgement.verdict import Verdict
    from runstone.core.tools.approval import Approval, ApprovalRequest, Approver
    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.replay.guards import Guards
    from runstone.engine.store import Store

_NOTHING: Final = "nothing of a record belongs to it"


class Plan:
    """What is to be replayed, and how; made by who starts the process, and read in it."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.store: str = data["store"]
        self.run_id: str = data["run_id"]
        self.mode: str | None = data["mode"]
        self.live: list[str] = data["live"]
        self.scratch: list[str] = data["scratch"]
        self.not_isolated: str | None = data["not_isolated"]
        """Why the process is not kept from the world by the kernel; `None`: it is to be."""
        self.texts: dict[str, dict[str, Any]] = data["texts"]


class Session:
    """What happens in the process of a replay. Safe to share between threads.

    `other_store` is a store in the scratch folder, `send` tells who started the process, `hide` takes secrets out of
    what is told, `told_guards` says which guards are active.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        other_store: Callable[[], Store],
        send: Callable[[dict[str, Any]], None],
        hide: Callable[[str], str],
        told_guards: list[dict[str, Any]],
    ) -> None:
        self._plan = plan
        self._store = store
        self._other_store = other_store
        self._send = send
        self._hide = hide
        self._told_guards = told_guards
        self._lock = threading.RLock()
        self._here = threading.local()
        self._books: dict[str, tuple[Book, list[Sealed]]] = {}
        self._approvers: dict[int, tuple[Approver, Approver]] = {}
        self._ids: list[tuple[bytes, bytes]] = []
        self._first: Divergence | None = None
        self._root: Run | None = None
        self._recorded = store.get(plan.run_id)
        self.states = StatesThen(store, self._recorded, plan.scratch[0])
        self.guards: Guards | None = None

    @property
    def making(self) -> bool:
        """Whether this thread is opening a run of the replay just now."""
        return getattr(self._here, "making", False)

    def opened(self, kind: Any, options: dict[str, Any]) -> Run:
        """The run that is opened in the place of one that the program asks for. Errors as `Store.run`."""
        links = [dict(link) for link in options["links"]]
        parent = next((self._books[link["run_id"]] for link in links if self._is_parent(link)), None)
        with self._lock:
            recorded = self._of_part(kind, parent) if parent is not None else self._of_root(kind, options)
            if recorded is None:
                if parent is not None:
                    raise parent[0].refuse(f"a run of kind {kind} is begun as a part of the run, and was not then")
                return self._other(kind, options)
            return self._replaying(recorded, kind, {**options, "links": links})

    def refused(self, what: str, detail: str, where: str, call: Any, importing: bool) -> None:
        """A guard has refused something; while a module is imported, that is a remark."""
        if importing:
            self.remark(f"{what} refused while a module is imported: {detail} at {where}")
            return
        book = None if call is None else call.run.replay
        match = None if book is None else book.matched(call.id)
        found = {
            "kind": what,
            "name": None if match is None else match.name,
            "args": self._hide(detail),
            "call": None if call is None else call.id,
            "line": None,
            "where": self._hide(where),
        }
        inside = "" if match is None else f" in {match.kind} {match.name}"
        run = self._root if call is None else call.run
        self._send({"refused": found})
        self.note(run, Divergence(REFUSED, f"{what} refused{inside}: {found['args']} at {found['where']}", None, found))

    def writes_in(self, folder: str) -> bool:
        """Whether a store in this folder is written in the replay: other ones are only read, but in a call that is made
        for real."""
        return self.guards is None or self.guards.keeps(folder) or self.guards.is_live()

    def changes_store(self, what: str) -> None:
        """A store is about to be changed for good, other than by a record. Raises `Stopped`, but in a call that is made
        for real."""
        if self.guards is not None and self.guards.is_live():
            return
        self.note(self._root, Divergence(REFUSED, f"the program {what}, which is not done in a replay", None, None))
        raise Stopped(f"refused: the program {what}")

    def note(self, run: Run | None, divergence: Divergence) -> None:
        """Something is different; the first counts."""
        with self._lock:
            if self._first is not None:
                return
            self._first = divergence
        data = divergence.as_dict()
        if run is not None and run.recording:
            run.writer.record("divergence", data)
            data = run.redactor.tree(coerce(data)[0], [])
        self._send({"divergence": data})

    def remark(self, text: str) -> None:
        """Tell who started the process what is no divergence."""
        self._send({"note": self._hide(text)})

    def count_live(self, more: int) -> None:
        """So many calls more are being made for real."""
        if self.guards is not None:
            with self._lock:
                self.guards.live += more

    def approver_for(self, given: Approver) -> Approver:
        """Who answers in the place of an approver that a program names: what was answered in the run whose call it is.

        One for each: of two that were asked then, both are asked now, and one that stands in two places is asked once.
        """

        def answers(request: ApprovalRequest) -> Approval | None:
            known = self._books.get(request.run_id)
            return None if known is None else known[0].approved(request)

        with self._lock:
            return self._approvers.setdefault(id(given), (given, answers))[1]

    def renamed(self, data: bytes) -> bytes:
        """A text in which the ids of runs are those of the record."""
        for here, there in self._ids:
            data = data.replace(here, there)
        return data

    def _is_parent(self, link: Mapping[str, Any]) -> bool:
        return link.get("rel") == CHILD_OF and link.get("run_id") in self._books

    def _of_root(self, kind: Any, options: Mapping[str, Any]) -> Sealed | None:
        fits = self._root is None and options.get("claim") is None and kind not in HIDDEN_KINDS
        known = kind is None and options.get("resume") is not None
        return self._recorded if fits and (known or kind == self._recorded.kind) else None

    def _of_part(self, kind: Any, parent: tuple[Book, list[Sealed]]) -> Sealed | None:
        waiting = parent[1]
        found = next((sealed for sealed in waiting if sealed.kind == kind), None)
        if found is not None:
            waiting.remove(found)
        return found

    def _replaying(self, recorded: Sealed, kind: Any, options: dict[str, Any]) -> Run:
        opened = recorded.opened["data"]
        links = [*options["links"], {"rel": REPLAYS, "run_id": recorded.run_id, "digest": recorded.digest}]
        retried = next((link["run_id"] for link in opened["links"] if link["rel"] == RETRIES), None)
        resume = retried if options["resume"] is not None else None
        facts = {"run_id": None, "argv": opened["argv"], "entry": opened["entry"], "resume": resume, "links": links}
        run = self._made(self._store, kind, {**options, **facts})
        record = Record(recorded.events())
        mode = self._plan.mode or (BY_KEY if record.together else STRICT)
        book = self._book(run, recorded, record, mode)
        begun = record.children_begun(self._plan.live)
        children = [sealed for run_id in begun if (sealed := self._child(run_id)) is not None]
        self._ids.append((run.run_id.encode(), recorded.run_id.encode()))
        self._books[run.run_id] = book, sorted(children, key=lambda sealed: (sealed.opened_at, sealed.run_id))
        run.replay = book
        run.writer.record("replay", {"mode": mode, "live": self._plan.live, "guards": self._told_guards})
        if self._root is None:
            self._root = run
            self._send({"opened": run.run_id, "mode": mode})
        return run

    def _book(self, run: Run, recorded: Sealed, record: Record, mode: str) -> Book:
        return Book(
            run,
            record,
            self,
            mode=mode,
            live=frozenset(self._plan.live),
            texts={call: _text_of(kept) for call, kept in self._plan.texts.get(recorded.run_id, {}).items()},
            files=lambda path: recorded.bundle.read(path),
        )

    def part(self, run_id: str) -> Record | None:
        """The record of a run that was begun in a recorded one; `None` where it is not there."""
        sealed = self._child(run_id)
        return None if sealed is None else Record(sealed.events())

    def _child(self, run_id: str) -> Sealed | None:
        try:
            return self._store.get(run_id)
        except RunstoneError:
            return None

    def _other(self, kind: Any, options: dict[str, Any]) -> Run:
        """A run that replays nothing. Tools that are called in it have no answers."""
        run = self._made(self._other_store(), kind, {**options, "run_id": None, "resume": None, "links": []})
        if kind not in HIDDEN_KINDS:
            run.replay = NoRecord(run, self)
        return run

    def _made(self, store: Store, kind: Any, options: dict[str, Any]) -> Run:
        self._here.making = True
        try:
            return store.run(kind, **options)
        finally:
            self._here.making = False


class NoRecord(Book):
    """The book of a run that replays nothing: what is drawn in it is drawn anew."""

    def __init__(self, run: Run, session: Session) -> None:
        super().__init__(run, Record(()), session, mode=BY_KEY, live=frozenset(), texts={}, files=_no_files)

    def judged(self, baseline: Any, judge: Callable[[Any], Verdict]) -> Verdict:
        """No verdict is known of it."""
        return judge(baseline)

    def drawn(self, kind: str, name: str) -> Any:
        """Nothing is known; where a run replays nothing, nothing has to be the same."""
        from runstone.engine.drawn import NOW, SEED_BYTES, UUID_EVENT, drawn_bytes

        if kind == UUID_EVENT:
            from uuid import uuid4

            return str(uuid4())
        if kind == NOW:
            from runstone.core.times import time_text

            return time_text(self.run.store.clock.time_ns())
        return int.from_bytes(drawn_bytes(self.run, f"{kind} {name}", SEED_BYTES), "big")


def _no_files(path: str) -> Iterator[bytes]:
    raise error("file_not_found", f"{_NOTHING}: {path}", path=path)


def _text_of(kept: Mapping[str, Any]) -> tuple[str, bytes]:
    from binascii import a2b_base64

    return str(kept["form"]), a2b_base64(kept["data"])
