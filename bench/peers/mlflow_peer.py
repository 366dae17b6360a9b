"""MLflow 3: events are child spans of one trace. Variants: `file` store, `sqlite` store."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient, entities

from bench.peers.base import Body, Recorder
from bench.workload import Event


class MlflowRun:
    """The five calls, on an MLflow run."""

    def __init__(self, client: Any, experiment_id: str, run_id: str) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._run_id = run_id
        self.root: Any = None

    def event(self, data: Event) -> None:
        if self.root is None:
            source = {"mlflow.sourceRun": self._run_id}
            self.root = mlflow.start_span_no_context("events", experiment_id=self._experiment_id, metadata=source)
        attributes = {"kind": data["kind"], "payload": data["payload"]}
        mlflow.start_span_no_context(data["name"], parent_span=self.root, attributes=attributes).end()

    def metric(self, name: str, value: float, step: int) -> None:
        self._client.log_metric(self._run_id, name, value, step=step)

    def check(self, name: str, passed: bool) -> None:
        self._client.set_tag(self._run_id, f"check.{name}", "pass" if passed else "fail")

    def attach(self, path: Path) -> None:
        self._client.log_artifact(self._run_id, str(path))


class Adapter(Recorder):
    """One MLflow experiment in a local store."""

    mapping = "log_batch; inputs are Datasets; events spans of one trace; checks tags; files log_artifact"

    def open(self) -> None:
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        uris = {"file": f"file://{self.store}/mlruns", "sqlite": f"sqlite:///{self.store}/mlflow.db"}
        mlflow.set_tracking_uri(uris[self.variant])
        self._client = MlflowClient()
        known = self._client.get_experiment_by_name("bench")
        self._experiment_id = (
            known.experiment_id
            if known
            else self._client.create_experiment("bench", artifact_location=f"file://{self.store}/artifacts")
        )
        mlflow.set_experiment(experiment_id=self._experiment_id)

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        run_id = self._client.create_run(self._experiment_id, run_name=f"r{number}").info.run_id
        self._client.log_batch(run_id, params=[entities.Param(name, str(value)) for name, value in params.items()])
        datasets = [entities.Dataset(x["name"], x["sha256"][:36], "local", x["uri"]) for x in inputs]
        self._client.log_inputs(run_id, [entities.DatasetInput(dataset) for dataset in datasets])
        run = MlflowRun(self._client, self._experiment_id, run_id)
        body(run)
        if run.root is not None:
            run.root.end()
        self._client.set_terminated(run_id, "FINISHED")

    def count_events(self) -> int:
        traces = mlflow.search_traces(locations=[self._experiment_id], return_type="list", max_results=10)
        return sum(span.name != "events" for trace in traces for span in trace.data.spans)
