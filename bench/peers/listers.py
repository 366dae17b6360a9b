"""Stores that are asked for lists of runs: Runstone, the peers that have such a call, and a table by hand.

Each holds the small runs of `bench.many`, recorded through its own calls, and answers the questions there with at most
`PAGE` rows, newest first. A peer that has no such question leaves it out.
"""

import importlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from bench.many import PAGE, QUESTIONS, SmallRun, runstone_store
from bench.workload import inputs_for, params_for

Ask = Callable[[], Sequence[Any]]


class Lister(ABC):
    """A store in a folder that is not there yet."""

    mapping: ClassVar[str] = ""

    def __init__(self, folder: Path, variant: str) -> None:
        self.folder = folder
        self.variant = variant

    @abstractmethod
    def fill(self, count: int, until: float) -> int:
        """Record runs from 0 to `count`, or as many as there is time for; how many. Then everything is ready."""

    @abstractmethod
    def questions(self) -> dict[str, Ask]:
        """What to call for the rows of a question, by its name."""

    def close(self) -> None:  # noqa: B027  most leave nothing behind
        """Give back what is held."""


def load_lister(name: str, scratch: Path) -> Lister:
    """A contender's lister, on a folder of its own inside `scratch`."""
    module, _, variant = name.partition(":")
    return _LISTERS[module](scratch / name.replace(":", "-"), variant)


class OneByOne(Lister):
    """A peer that records run by run."""

    @abstractmethod
    def open(self) -> None:
        """Import the peer and make its store."""

    @abstractmethod
    def record(self, small: SmallRun) -> None:
        """Record one run."""

    def ready(self) -> None:
        """After the last run: what has to happen before lists know them."""

    def fill(self, count: int, until: float) -> int:
        self.folder.mkdir()
        self.open()
        done = 0
        while done < count and time.monotonic() < until:
            self.record(SmallRun(done))
            done += 1
        self.ready()
        return done


class RunstoneLister(Lister):
    """A store in this process, its catalog warm."""

    mapping = "sealed bundles, one log line each; store.page(query)"

    def fill(self, count: int, until: float) -> int:
        self._store = runstone_store(self.folder, count)
        return count

    def questions(self) -> dict[str, Ask]:
        return {question.name: self._ask(question.query) for question in QUESTIONS}

    def _ask(self, query: str) -> Ask:
        return lambda: self._store.page(query, limit=PAGE).rows


class TableLister(Lister):
    """The floor."""

    mapping = "one SQLite table with an index a question; rows as dicts"

    def fill(self, count: int, until: float) -> int:
        from bench.cards import Table, chunks

        self.folder.mkdir()
        self._table = Table(self.folder / "runs.sqlite")
        for numbers in chunks(count):
            self._table.put(numbers)
        return count

    def questions(self) -> dict[str, Ask]:
        return {
            "newest 50": lambda: self._table.ask("1", (), PAGE),
            "kind": lambda: self._table.ask("kind = ?", ("kind-3",), PAGE),
            "label": lambda: self._table.ask("team = ?", ("t42",), PAGE),
            "status": lambda: self._table.ask("status = ?", ("failed",), PAGE),
            "metric bound": lambda: self._table.ask("loss < ?", (0.01,), PAGE),
            "words": lambda: self._table.ask("run IN (SELECT rowid FROM search WHERE search MATCH ?)", ("w42",), PAGE),
        }

    def close(self) -> None:
        self._table.close()


class MlflowLister(OneByOne):
    """One experiment; `search_runs` with its filter strings."""

    mapping = "kind, team, text are tags, loss a metric, no log; search_runs"

    def open(self) -> None:
        from mlflow import MlflowClient, entities

        from bench.peers.mlflow_peer import Adapter

        adapter = Adapter(self.folder, self.variant)
        self._client, self._experiment_id = MlflowClient(), adapter._experiment_id
        self._entities = entities

    def record(self, small: SmallRun) -> None:
        make = self._entities
        run_id = self._client.create_run(self._experiment_id, run_name=small.run_id).info.run_id
        tags = {"kind": small.kind, "team": small.team, "text": small.text}
        self._client.log_batch(
            run_id,
            params=[make.Param(name, str(value)) for name, value in params_for(small.number).items()],
            metrics=[make.Metric("loss", small.loss, int(time.time() * 1000), 0)],
            tags=[make.RunTag(name, value) for name, value in tags.items()],
        )
        self._client.set_terminated(run_id, "FAILED" if small.failed else "FINISHED")

    def questions(self) -> dict[str, Ask]:
        return {
            "newest 50": self._ask(""),
            "kind": self._ask("tags.kind = 'kind-3'"),
            "label": self._ask("tags.team = 't42'"),
            "status": self._ask("attributes.status = 'FAILED'"),
            "metric bound": self._ask("metrics.loss < 0.01"),
            "words": self._ask("tags.text LIKE '% w42'"),
        }

    def _ask(self, text: str) -> Ask:
        wanted = {"filter_string": text, "max_results": PAGE, "order_by": ["attributes.start_time DESC"]}
        return lambda: self._client.search_runs([self._experiment_id], **wanted)


class InspectLister(OneByOne):
    """A folder of evaluation logs. Its list says names; a filter reads heads, the newest first, until it has a page."""

    mapping = (
        "kind is the task, team and text metadata; list_eval_logs, then read_eval_log(header_only=True) one by one"
    )

    def open(self) -> None:
        import inspect_ai.log as log_api

        self._api = log_api
        (self.folder / "logs").mkdir()

    def record(self, small: SmallRun) -> None:
        api = self._api
        name = f"2026-01-01T00-00-00+00-00_bench_{small.number:08d}.eval"
        spec = api.EvalSpec(
            created="2026-01-01T00:00:00+00:00",
            task=small.kind,
            dataset=api.EvalDataset(name="bench"),
            model="none/none",
            config=api.EvalConfig(),
            task_args=params_for(small.number),
            metadata={
                "team": small.team,
                "text": small.text,
                "loss": small.loss,
                "inputs": inputs_for(small.number),
            },
            run_id=small.run_id,
            eval_id=small.run_id,
        )
        location = str(self.folder / "logs" / name)
        log = api.EvalLog(status="error" if small.failed else "success", eval=spec, samples=[], location=location)
        api.write_eval_log(log, location)

    def questions(self) -> dict[str, Ask]:
        return {
            "newest 50": lambda: self._api.list_eval_logs(str(self.folder / "logs"))[:PAGE],
            "kind": self._ask(lambda log: log.eval.task == "kind-3"),
            "label": self._ask(lambda log: log.eval.metadata["team"] == "t42"),
            "status": self._ask(lambda log: log.status == "error"),
            "metric bound": self._ask(lambda log: log.eval.metadata["loss"] < 0.01),
            "words": self._ask(lambda log: log.eval.metadata["text"].endswith(" w42")),
        }

    def _ask(self, fits: Callable[[Any], bool]) -> Ask:
        def answer() -> list[Any]:
            found: list[Any] = []
            for item in self._api.list_eval_logs(str(self.folder / "logs")):
                log = self._api.read_eval_log(item.name, header_only=True)
                if fits(log):
                    found.append(log)
                    if len(found) == PAGE:
                        break
            return found

        return answer


class AimLister(OneByOne):
    """A repository, indexed before it is asked, as no run is in its lists before."""

    mapping = "kind, team, text, status, loss are fields of the run, loss a metric too; reindexed, then query_runs"

    def open(self) -> None:
        import logging

        logging.disable(logging.WARNING)
        aim = importlib.import_module("aim")
        self._aim = aim
        self._repo = aim.Repo.from_path(str(self.folder), init=True)

    def record(self, small: SmallRun) -> None:
        run = self._aim.Run(
            repo=self._repo,
            experiment="bench",
            log_system_params=False,
            capture_terminal_logs=False,
            system_tracking_interval=None,
        )
        run["hparams"] = params_for(small.number)
        run["inputs"] = inputs_for(small.number)
        for name in ("kind", "team", "text", "loss", "failed"):
            run[name] = getattr(small, name)
        run.track(small.loss, name="loss", step=0)
        run.close()

    def ready(self) -> None:
        self._repo._recreate_index()  # what the command `aim storage reindex` runs

    def questions(self) -> dict[str, Ask]:
        return {
            "newest 50": lambda: [run for run, _ in zip(self._repo.iter_runs(), range(PAGE), strict=False)],
            "kind": self._ask("run.kind == 'kind-3'"),
            "label": self._ask("run.team == 't42'"),
            "status": self._ask("run.failed == True"),
            "metric bound": self._ask("run.loss < 0.01"),
            "words": self._ask("'w42' in run.text"),
        }

    def _ask(self, query: str) -> Ask:
        def answer() -> list[Any]:
            found = self._repo.query_runs(query, report_mode=0).iter_runs()
            return [item.run for item, _ in zip(found, range(PAGE), strict=False)]

        return answer


_LISTERS: dict[str, type[Lister]] = {
    "runstone": RunstoneLister,
    "floor": TableLister,
    "mlflow": MlflowLister,
    "inspect": InspectLister,
    "aim": AimLister,
}
