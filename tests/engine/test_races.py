"""Several processes at once: of those that want one run, exactly one gets it (promise P3)."""

from __future__ import annotations

from pathlib import Path

import runstone
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.testing.durability import in_children

from .scenes import abandon, of_type, open_store

RACERS = 6
ROUNDS = 5


def test_processes_that_start_one_run_have_one_winner(tmp_path: Path) -> None:
    """One process records under the id, the others get `run_exists`; the winner's facts are the ones sealed."""

    def work(racer: int, run_id: str) -> str:
        try:
            with open_store(tmp_path / "runs").run("race", run_id=run_id) as run:
                run.note(str(racer))
        except RunstoneError as exc:
            return exc.code
        return "sealed"

    store = open_store(tmp_path / "runs")
    for run_id in (f"run-{number}" for number in range(ROUNDS)):
        answers = in_children(RACERS, lambda racer, run_id=run_id: work(racer, run_id))  # type: ignore[misc]  # the lambda's type is what it calls
        assert sorted(answers) == [*["run_exists"] * (RACERS - 1), "sealed"]
        assert of_type(store, run_id, "note") == [{"text": str(answers.index("sealed"))}]
        assert store.verify(run_id).ok


def test_processes_that_start_the_first_run_make_one_store(tmp_path: Path) -> None:
    """A store that is made by several processes at once is whole, and nobody's run is lost."""

    def work(racer: int) -> str:
        with open_store(tmp_path / "deep/er/runs").run("race", run_id=f"run-{racer}") as run:
            run.note("x")
        return "sealed"

    assert in_children(RACERS, work) == ["sealed"] * RACERS
    store = open_store(tmp_path / "deep/er/runs")
    assert sorted(sealed.run_id for sealed in store.runs()) == [f"run-{racer}" for racer in range(RACERS)]
    assert list((tmp_path / "deep/er/runs/.runstone/tmp").iterdir()) == []


def test_processes_that_only_look_keep_no_run_from_recovery(tmp_path: Path) -> None:
    """While others list a store over and over, a recovery seals every dead run and takes none for alive."""
    names = [f"dead-{number:02d}" for number in range(20)]

    done = tmp_path / "done"

    def work(racer: int) -> str:
        store = open_store(tmp_path / "runs")
        if racer == 0:
            outcomes = {recovery.outcome for recovery in store.recover()}
            done.touch()
            return " ".join(sorted(outcomes))
        while not done.exists():
            store.rows()
        return "looked"

    for run_id in names:
        run = open_store(tmp_path / "runs").run("race", run_id=run_id)
        run.note("x")
        abandon(run)
    assert in_children(4, work) == ["sealed", "looked", "looked", "looked"]


def test_processes_that_recover_one_run_agree(tmp_path: Path) -> None:
    """One process seals it, the others find it sealed, being sealed, or gone; it is sealed once."""

    def work(_: int, run_id: str) -> str:
        try:
            return open_store(tmp_path / "runs").recover(run_id)[0].outcome
        except RunstoneError as exc:
            return exc.code

    store = open_store(tmp_path / "runs")
    for run_id in (f"run-{number}" for number in range(ROUNDS)):
        run = store.run("race", run_id=run_id)
        run.log("one")
        abandon(run)
        answers = in_children(RACERS, lambda racer, run_id=run_id: work(racer, run_id))  # type: ignore[misc]  # the lambda's type is what it calls
        assert answers.count("sealed") == 1
        assert set(answers) <= {"sealed", "already_sealed", "alive", "run_not_found"}
        assert store.verify(run_id).ok
    assert (store.open_runs(), list((tmp_path / "runs/.runstone/tmp").iterdir())) == ([], [])


def test_seal_and_forced_recovery_at_once_give_one_bundle(tmp_path: Path) -> None:
    """Whoever is first, the bundle is good, the other is told, and nothing of the open run is left in the end."""
    store = open_store(tmp_path / "runs")

    def work(racer: int, run_id: str) -> str:
        try:
            if racer == 0:
                with open_store(tmp_path / "runs").run("race", run_id=run_id) as run:
                    run.log("one")
                return "sealed"
            mine = open_store(tmp_path / "runs")
            while True:
                try:
                    return mine.recover(run_id, force=True)[0].outcome
                except RunstoneError as exc:
                    if exc.code != "run_not_found" or mine.objects.exists(run_id):
                        return exc.code
        except RunstoneError as exc:
            return exc.code

    for run_id in (f"run-{number}" for number in range(ROUNDS * 2)):
        writer, recovery = in_children(2, lambda racer, run_id=run_id: work(racer, run_id))  # type: ignore[misc]  # the lambda's type is what it calls
        assert writer in ("sealed", "recovered_elsewhere", "run_exists")
        assert recovery in ("sealed", "already_sealed", "never_opened", "run_not_found", "store_unavailable")
        if "sealed" in (writer, recovery):
            report = store.verify(run_id)
            assert report.ok, report.findings
        store.recover()
    assert store.open_runs() == []
    assert list(store.runs()) != []


def test_processes_that_import_one_run_agree(store: Store, tmp_path: Path) -> None:
    """One import is `created`, the others are `identical`."""
    with store.run("job", run_id="travels") as run:
        run.log("one")
    path = store.get("travels").path

    def work(_: int) -> str:
        from runstone.locate import open_bundle

        bundle = open_bundle(path)
        try:
            return open_store(tmp_path / "other").import_bundle(bundle)[2]
        finally:
            bundle.close()

    assert sorted(in_children(RACERS, work)) == ["created", *["identical"] * (RACERS - 1)]
    assert runstone.verify(tmp_path / "other/travels").ok
