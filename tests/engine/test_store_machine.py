"""Whatever happens to a store and to its catalog, each answer is that of a reading of every bundle.

Random sequences: runs are recorded, sealed, left by processes that died and recovered; annotated, judged, named;
imported, damaged, mended, taken away and put back; the catalog is deleted, torn, aged and rebuilt; and several readers,
each with a connection of its own, are asked in between. With the profile `thorough` (`HYPOTHESIS_PROFILE`) there are
more and longer ones.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from runstone.adapters.fs import objects as fs_objects
from runstone.core import layout
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.testing.fakes import FixedClock, FixedEntropy

from . import asking, brute_force
from .brute_force import Seen
from .scenes import abandon, open_store

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
TICK_NS = 20_000_000
"""Longer than the tick by which a file system counts; far shorter than what real stores allow for, so that a store
settles while it is tested."""

IDS = tuple(f"r{number}" for number in range(12))
FACTS = st.fixed_dictionaries(
    {
        "labels": st.fixed_dictionaries({}, optional={key: st.sampled_from(v) for key, v in asking.LABELS.items()}),
        "config": st.none() | st.sampled_from(asking.SETTINGS),
        "inputs": st.lists(st.tuples(st.sampled_from(asking.FILES), st.sampled_from(asking.DIGESTS)), max_size=2),
        "outputs": st.lists(st.tuples(st.sampled_from(asking.FILES), st.sampled_from(asking.DIGESTS)), max_size=2),
        "metrics": st.lists(st.sampled_from(asking.METRICS), max_size=2),
        "scores": st.lists(st.sampled_from(asking.SCORES), max_size=1),
        "check": st.none() | st.sampled_from(["pass", "fail"]),
        "lines": st.lists(st.sampled_from(asking.LINES), max_size=2),
    }
)
kinds = st.sampled_from(asking.KINDS)
links = st.none() | st.sampled_from(["child-of", "derives-from", "retries"])
ends = st.sampled_from([None, "success", "failed", "partial", "cancelled"])


def code_of(call: Any) -> str | None:
    """The code of the error that a call raises, or `None`."""
    try:
        call()
    except RunstoneError as exc:
        return exc.code
    return None


def say(run: Run, facts: dict[str, Any]) -> None:
    """Record facts; the labels are those of the start."""
    if facts["config"] is not None:
        run.config(facts["config"])
    for field in ("input", "output"):
        for name, sha256 in facts[f"{field}s"]:
            getattr(run, field)("file", name, name=name, sha256=sha256)
    for value in facts["metrics"]:
        run.metrics({"loss": float("nan") if value == "NaN" else value})
    for value in facts["scores"]:
        run.event("score", {"name": "quality", "value": value})
    if facts["check"] is not None:
        run.check("rows", facts["check"], id="rows")
    for line in facts["lines"]:
        run.log(line)


class StoreBesideItsBundles(RuleBasedStateMachine):
    """`status` is what the test knows of sealed runs, `writers` are being recorded, `dead` were left open."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = count(1)
        self.place = Path(tempfile.mkdtemp(prefix="runstone-machine-"))
        self.root = self.place / "runs"
        self.clock = FixedClock()
        self.store = self._opened(self.root)
        self.readers = [self.store, self._opened(self.root)]
        self.status: dict[str, str] = {}
        self.writers: dict[str, Run] = {}
        self.dead: set[str] = set()
        self.damaged: dict[str, bytes] = {}
        self.away: list[str] = []
        self.known: dict[str, Seen] = {}

    def _opened(self, root: Path) -> Store:
        store = open_store(root, clock=self.clock)
        store.entropy = FixedEntropy(next(self.seeds))
        return store

    # runs

    @initialize(
        first=st.lists(st.tuples(kinds, FACTS, ends, st.integers(0, 2)), min_size=2, max_size=6), data=st.data()
    )
    def begin(self, first: list[tuple[str, dict[str, Any], str | None, int]], data: Any) -> None:
        """A few runs at the start, some of them opened at the same time; the last stays open."""
        for kind, facts, end, seconds in first:
            self.clock.advance(seconds)
            self.record(kind, facts, end, None, data)
        self.start("load", first[0][1], None, data)

    @property
    def _free(self) -> list[str]:
        return [run_id for run_id in IDS if not self._taken(run_id)]

    some_free_id = precondition(lambda self: self._free)

    @some_free_id
    @rule(kind=kinds, facts=FACTS, end=ends, link=links, data=st.data())
    def record(self, kind: str, facts: dict[str, Any], end: str | None, link: str | None, data: Any) -> None:
        """A run that is sealed at once."""
        self._seal(self._start(kind, facts, link, data), end)

    @some_free_id
    @rule(kind=kinds, facts=FACTS, link=links, data=st.data())
    def start(self, kind: str, facts: dict[str, Any], link: str | None, data: Any) -> None:
        """A run that stays open."""
        self._start(kind, facts, link, data)

    def _start(self, kind: str, facts: dict[str, Any], link: str | None, data: Any) -> str:
        run_id = str(data.draw(st.sampled_from(self._free)))
        linked = [{"rel": link, "run_id": data.draw(st.sampled_from(IDS)), "digest": None}] if link else []
        self.writers[run_id] = self.store.run(kind, run_id=run_id, labels=facts["labels"], links=linked)
        say(self.writers[run_id], facts)
        return run_id

    @precondition(lambda self: self.status or self.writers or self.dead)
    @rule(data=st.data())
    def start_again(self, data: Any) -> None:
        """An id is given once, whatever became of the run."""
        run_id = data.draw(st.sampled_from(sorted({*self.status, *self.writers, *self.dead})))
        assert code_of(lambda: self.store.run("load", run_id=run_id)) == "run_exists"

    def _taken(self, run_id: str) -> bool:
        return (self.root / layout.lease(run_id)).exists() or (self.root / run_id).exists()

    @precondition(lambda self: self.writers)
    @rule(facts=FACTS, data=st.data())
    def go_on(self, facts: dict[str, Any], data: Any) -> None:
        """More facts for a run that is open."""
        run = self.writers[data.draw(st.sampled_from(sorted(self.writers)))]
        say(run, {**facts, "config": None})

    @precondition(lambda self: self.writers)
    @rule(end=ends, data=st.data())
    def seal(self, end: str | None, data: Any) -> None:
        """An open run comes to its end."""
        self._seal(data.draw(st.sampled_from(sorted(self.writers))), end)

    def _seal(self, run_id: str, end: str | None) -> None:
        run = self.writers.pop(run_id)
        run.finish(end)
        self.status[run_id] = self.store.get(run_id).status
        assert end in (None, self.status[run_id])

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), torn=st.booleans())
    def crash(self, data: Any, torn: bool) -> None:
        """The process of an open run dies, perhaps in the middle of a line."""
        run_id = data.draw(st.sampled_from(sorted(self.writers)))
        abandon(self.writers.pop(run_id))
        self.dead.add(run_id)
        if torn:
            with (self.root / layout.open_run(run_id) / layout.JOURNAL).open("ab") as journal:
                journal.write(b'{"data":{"half')

    @rule()
    def recover(self) -> None:
        """What dead processes left is sealed, and nothing else."""
        done = {one.run_id: one.outcome for one in self.store.recover()}
        assert done == dict.fromkeys(self.dead, "sealed") | dict.fromkeys(self.writers, "alive")
        self.status |= dict.fromkeys(self.dead, "interrupted")
        self.dead.clear()

    @precondition(lambda self: self.writers and self._free)
    @rule(facts=FACTS, end=ends, data=st.data())
    def child(self, facts: dict[str, Any], end: str | None, data: Any) -> None:
        """A part of an open run."""
        parent = self.writers[data.draw(st.sampled_from(sorted(self.writers)))]
        run_id = str(data.draw(st.sampled_from(self._free)))
        self.writers[run_id] = parent.child("load", run_id=run_id, labels=facts["labels"])
        say(self.writers[run_id], facts)
        self._seal(run_id, end)

    # what is said of them

    def _whole(self, data: Any) -> str:
        """A sealed run that can be read, of any kind."""
        return str(data.draw(st.sampled_from(sorted(set(self.status) - set(self.damaged)))))

    some_whole_run = precondition(lambda self: set(self.status) - set(self.damaged))

    @some_whole_run
    @rule(
        data=st.data(),
        env=st.sampled_from(["absent", None, "prod", "dev"]),
        name=st.none() | st.sampled_from(["", *asking.NAMES]),
        quality=st.none() | st.sampled_from(asking.SCORES),
        remark=st.none() | st.sampled_from(asking.LINES),
    )
    def annotate(self, data: Any, env: str | None, name: str | None, quality: float | None, remark: str | None) -> None:
        """Labels, a name, a score, a note after the seal."""
        target = self._whole(data)
        labels = {} if env == "absent" else {"env": env}
        scores = {} if quality is None else {"quality": quality}
        if labels or scores or remark or name is not None:
            said = self.store.annotate(target, labels=labels, name=name, scores=scores, note=remark)
            self.status[said.run_id] = "success"
        else:
            assert code_of(lambda: self.store.annotate(target)) == "invalid_option"
        self._ask_what_is_said(data)

    @some_whole_run
    @rule(data=st.data(), alias=st.sampled_from(asking.ALIASES))
    def alias(self, data: Any, alias: str) -> None:
        """A name that is of one run at a time."""
        self.status[self.store.alias(alias, self._whole(data)).run_id] = "success"
        self._ask_what_is_said(data)

    def _ask_what_is_said(self, data: Any) -> None:
        runs, reader = self.expected(), self._reader(data)
        for asked in asking.SAID:
            assert reader.rows(asked.text) == [run.row for run in asked.answer(runs)], asked.text

    @rule(alias=st.sampled_from(asking.ALIASES))
    def unalias(self, alias: str) -> None:
        """It is taken away, where it names a run."""
        owner = next((run for run in self.expected().values() if alias in run.aliases), None)
        if owner is None:
            assert code_of(lambda: self.store.alias(alias, None)) == "run_not_found"
        elif owner.state == "sealed":
            self.status[self.store.alias(alias, None).run_id] = "success"

    @some_whole_run
    @rule(data=st.data())
    def judge(self, data: Any) -> None:
        """A verdict, which is a run too."""
        run, baseline = self._whole(data), self._whole(data)
        seen = self.expected()[run]
        loss = asking.number(seen.metrics.get("loss"))
        verdict = self.store.judge(run, baseline=baseline, limits=["max metric.loss:0.7"], require=["check.rows"])
        passed = {status for name, status in seen.checked if name == "rows"} == {"pass"}
        assert verdict.ok == (loss is not None and loss <= 0.7 and passed)
        assert verdict.run_id is not None
        self.status[verdict.run_id] = "success" if verdict.ok else "failed"

    # bundles that come and go

    @rule(run_id=st.sampled_from(IDS), kind=kinds, facts=FACTS, env=st.none() | st.just("prod"), data=st.data())
    def import_runs(self, run_id: str, kind: str, facts: dict[str, Any], env: str | None, data: Any) -> None:
        """A run of another store, perhaps with what was said of it there, in any order."""
        elsewhere = self._opened(self.place / f"elsewhere-{next(self.seeds)}")
        with elsewhere.run(kind, run_id=run_id, labels=facts["labels"]) as run:
            say(run, facts)
        if env is not None:
            elsewhere.annotate(run_id, labels={"env": env})
            elsewhere.alias("best", run_id)
        for travelling in data.draw(st.permutations(sorted(elsewhere.objects.run_ids()))):
            sealed = elsewhere.get(travelling)
            answer: list[str] = []
            code = code_of(lambda: answer.append(self.store.import_bundle(elsewhere.objects.open(travelling))[2]))  # noqa: B023  # asked at once
            if travelling in self.writers or travelling in self.dead:
                assert code == "run_exists"
            elif travelling in self.status:
                manifest = (self.root / travelling / layout.MANIFEST).read_bytes()
                same = manifest == b"".join(sealed.bundle.read(layout.MANIFEST))
                assert (code, answer) == ((None, ["identical"]) if same else ("run_exists", []))
            else:
                assert (code, answer) == (None, ["created"])
                self.status[travelling] = sealed.status
        self._close(elsewhere)

    @precondition(lambda self: self.status)
    @rule(data=st.data(), free=st.booleans())
    def take_away(self, data: Any, free: bool) -> None:
        """A bundle is gone from the disk; its id is free again, or stays taken."""
        run_id = data.draw(st.sampled_from(sorted(self.status)))
        name = f"{run_id}.{next(self.seeds)}"
        if run_id in self.damaged:
            self._mend(run_id)
        (self.root / run_id).rename(self.place / name)
        self.away.append(name)
        del self.status[run_id]
        lease = self.root / layout.lease(run_id)
        if free and lease.exists():
            lease.unlink()

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def put_back(self, data: Any) -> None:
        """A bundle that was gone is there again, as it was: nobody who looks at it sees that it was away."""
        name = data.draw(st.sampled_from(sorted(self.away)))
        run_id = name.rpartition(".")[0]
        if run_id not in self.status and run_id not in self.writers and run_id not in self.dead:
            self.away.remove(name)
            (self.place / name).rename(self.root / run_id)
            self.status[run_id] = self.store.get(run_id).status

    @some_whole_run
    @rule(data=st.data(), how=st.sampled_from(["cut", "foreign", "no journal"]), soon_mended=st.booleans())
    def damage(self, data: Any, how: str, soon_mended: bool) -> None:
        """A bundle comes back from somewhere as none."""
        run_id = self._whole(data)
        folder, spoiled = self.root / run_id, self.place / "spoiled"
        shutil.copytree(folder, spoiled)
        damaged = spoiled / (layout.JOURNAL if how == "no journal" else layout.MANIFEST)
        good = damaged.read_bytes()
        damaged.unlink()
        if how != "no journal":
            damaged.write_bytes(good[:-9] if how == "cut" else good.replace(b'"run_id":"', b'"run_id":"of-'))
        shutil.rmtree(folder)
        spoiled.rename(folder)
        self.damaged[run_id] = good
        if soon_mended:
            self._mend_in_its_place(run_id)

    @precondition(lambda self: self.damaged)
    @rule(data=st.data())
    def mend(self, data: Any) -> None:
        """What was damaged is made good in its place."""
        self._mend_in_its_place(data.draw(st.sampled_from(sorted(self.damaged))))

    def _mend_in_its_place(self, run_id: str) -> None:
        """No bundle has come or gone, and everybody notices."""
        self.everybody_lists_everything()
        self._mend(run_id)
        self.everybody_lists_everything()

    def _mend(self, run_id: str) -> None:
        good = self.damaged.pop(run_id)
        missing = (self.root / run_id / layout.JOURNAL).exists()
        (self.root / run_id / (layout.MANIFEST if missing else layout.JOURNAL)).write_bytes(good)

    # the catalog, the clock, the readers

    @property
    def _files(self) -> list[Path]:
        catalog = self.root / layout.CATALOG
        return [path for suffix in ("", "-wal", "-shm") if (path := Path(f"{catalog}{suffix}")).is_file()]

    @precondition(lambda self: (self.root / layout.CATALOG).is_file())
    @rule(
        how=st.sampled_from(["delete", "delete its main file", "tear", "copy", "copy", "put the copy back"]),
        data=st.data(),
    )
    def harm_the_catalog(self, how: str, data: Any) -> None:
        """It is deleted, loses its end, or becomes what it was before some runs came and went."""
        note(how)
        if how in ("tear", "copy"):
            self._close(*self.readers)  # the memory of who has it open would be good, and parts of it lie beside it
        catalog, backup = self.root / layout.CATALOG, self.place / "backup"
        if how == "copy":
            shutil.copy(catalog, backup)
        elif how == "tear":
            os.truncate(catalog, catalog.stat().st_size * data.draw(st.integers(0, 9)) // 10)
        else:
            for path in self._files[: 1 if how == "delete its main file" else None]:
                path.unlink()
            if how == "put the copy back" and backup.is_file():
                shutil.copy(backup, catalog)

    @rule(data=st.data())
    def reindex(self, data: Any) -> None:
        """Every bundle is read anew."""
        assert self._reader(data).reindex() == len(self.status)

    @rule(data=st.data())
    def another_process(self, data: Any) -> None:
        """A reader ends, another begins."""
        number = data.draw(st.sampled_from(range(1, len(self.readers))))
        self._close(self.readers[number])
        self.readers[number] = self._opened(self.root)

    @rule(seconds=st.sampled_from([-2.0, 0.5, 1, 60]))
    def time_passes(self, seconds: float) -> None:
        """Or is set back."""
        if seconds < 0:
            self.clock.set_back(-seconds)
        else:
            self.clock.advance(seconds)

    # questions

    def expected(self) -> dict[str, Seen]:
        """All runs as a reading of each tells them; they are those of the test's own books."""
        alive = dict.fromkeys(self.writers, True) | dict.fromkeys(self.dead, False)
        runs = brute_force.runs_of(self.root, alive, self.known)
        books = self.status | dict.fromkeys(self.writers, "running") | dict.fromkeys(self.dead, "interrupted")
        assert {run_id: run.status for run_id, run in runs.items()} == books | dict.fromkeys(self.damaged, "damaged")
        return runs

    def _reader(self, data: Any) -> Store:
        return self.readers[data.draw(st.sampled_from(range(len(self.readers))))]

    @rule(data=st.data(), size=st.integers(1, 3))
    def list_and_page(self, data: Any, size: int) -> None:
        """Queries: all rows, and page by page."""
        runs = self.expected()
        reader = self._reader(data)
        for asked in data.draw(st.lists(asking.queries(sorted(runs)), min_size=3, max_size=10)):
            rows = [run.row for run in asked.answer(runs)]
            note(f"{asked.text!r}: {[row['run_id'] for row in rows]}")
            assert reader.rows(asked.text) == rows, asked.text
            pages = [rows[at : at + size] for at in range(0, len(rows), size)] or [[]]
            after = None
            for page in pages:
                found = reader.page(asked.text, limit=size, after=after)
                assert found.rows == page, asked.text
                after = found.next
            assert after is None

    @rule(data=st.data(), sha256=st.sampled_from(asking.DIGESTS))
    def find_and_trace(self, data: Any, sha256: str) -> None:
        """Who made and read some bytes, and what led to what."""
        runs = self.expected()
        reader = self._reader(data)
        uses = [(use.row["run_id"], use.role, use.name, use.type) for use in reader.find(f"sha256:{sha256}")]
        assert uses == brute_force.found_by(runs, sha256)
        for start in (f"sha256:{sha256}", *(f"run:{run_id}" for run_id in sorted(runs))):
            found = reader.lineage(start)
            edges = [(edge.source, edge.target, edge.relation) for edge in found.edges]
            assert len(set(edges)) == len(edges)
            assert (set(found.runs), set(found.files), set(edges)) == brute_force.lineage(runs, start), start
            assert all(row == runs[run_id].row for run_id, row in found.runs.items())

    @rule(data=st.data())
    def names(self, data: Any) -> None:
        """Aliases, what a RUN names, what was said of it."""
        runs = self.expected()
        reader = self._reader(data)
        aliases = {alias: run.run_id for run in runs.values() for alias in run.aliases}
        assert reader.aliases() == dict(sorted(aliases.items()))
        for alias in asking.ALIASES:
            named: list[str] = []
            code = code_of(lambda: named.append(reader.resolve(f"@{alias}")))  # noqa: B023  # asked at once
            assert (code, named) == ((None, [aliases[alias]]) if alias in aliases else ("run_not_found", []))
        shown = brute_force.listed(
            runs.values(), lambda run: run.state == "sealed" and run.kind not in brute_force.HIDDEN
        )
        named = []
        code = code_of(lambda: named.append(reader.resolve("@latest")))
        assert (code, named) == ((None, [shown[0].run_id]) if shown else ("run_not_found", []))
        for run in runs.values():
            if run.state == "sealed":
                assert reader.resolve(str(run.digest)) == run.run_id
                told = [one["run_id"] for one in reader.annotations(reader.get(run.run_id))]
                said = (
                    one for one in runs.values() if one.said is not None and one.state == "sealed" and one.amends(run)
                )
                assert told == [one.run_id for one in sorted(said, key=lambda one: one.place)]

    @rule(data=st.data())
    def children(self, data: Any) -> None:
        """The runs below each run, each once, below a parent of its own."""
        runs = self.expected()
        reader = self._reader(data)
        for root in sorted(runs):
            below = brute_force.below(runs, root)
            rows = reader.children(root)
            assert sorted(row["run_id"] for row in rows) == sorted(below)
            depths = {root: 0}
            for row in rows:
                assert row["parent"] in below[row["run_id"]]
                assert row["depth"] == depths[row["parent"]] + 1
                depths[row["run_id"]] = row["depth"]
                seen = runs.get(row["run_id"])
                if seen is not None and seen.state == "sealed":
                    assert (row["status"], row["digest"]) == (seen.status, seen.digest)
                    numbers = {**seen.numbers, "checks": sum(row["checks"].values())}
                    assert {name: row[name] for name in seen.numbers} | {
                        "checks": sum(row["checks"].values())
                    } == numbers

    @rule()
    def everybody_lists_everything(self) -> None:
        """Each reader, and one that begins now."""
        runs = self.expected()
        newcomer = self._opened(self.root)
        for reader in (*self.readers, newcomer):
            assert reader.rows("id:*") == [run.row for run in brute_force.listed(runs.values(), lambda _: True)]
        self._close(newcomer)

    def teardown(self) -> None:
        """Nothing remains."""
        for run in self.writers.values():
            abandon(run)
        self._close(*self.readers)
        shutil.rmtree(self.place)

    def _close(self, *stores: Store) -> None:
        for store in stores:
            store._finder.catalogue.close()


@pytest.mark.timeout(3600 if THOROUGH else 900)  # a failure is made small before it is told
def test_every_answer_is_that_of_a_reading_of_all_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, pages, uses, lineage, aliases, names and children, after any sequence of events."""
    monkeypatch.setattr(fs_objects, "_STAMP_NS", TICK_NS)
    run_state_machine_as_test(
        StoreBesideItsBundles,
        settings=settings(
            max_examples=500 if THOROUGH else 40,
            stateful_step_count=60 if THOROUGH else 25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
