"""OpenTelemetry SDK: events are log records, a run is a span, written as OTLP JSON to files.

Variants: `file` exports each record as it comes (Simple processor), `batch` from a thread behind a bounded
queue.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.json.file import _log_exporter, trace_exporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from bench.peers.base import Body, Recorder, copy_by_hand
from bench.workload import Event


class OtelRun:
    """The five calls, on a span and a logger."""

    def __init__(self, span: Any, logger: Any, files: Path) -> None:
        self._span = span
        self._logger = logger
        self._files = files

    def event(self, data: Event) -> None:
        self._emit(data["name"], data)

    def metric(self, name: str, value: float, step: int) -> None:
        self._emit("metric", {"name": name, "value": value, "step": step})

    def check(self, name: str, passed: bool) -> None:
        self._span.set_attribute(f"check.{name}", passed)

    def attach(self, path: Path) -> None:
        _copy, sha256 = copy_by_hand(path, self._files)
        self._span.set_attribute(f"file.{path.name}", sha256)

    def _emit(self, name: str, body: Mapping[str, Any]) -> None:
        self._logger.emit(LogRecord(body=body, event_name=name, severity_number=SeverityNumber.INFO))


class Adapter(Recorder):
    """A tracer and a logger that write to files of the store."""

    mapping = "parameters, inputs, checks are attributes; events, metrics log records; files copied by hand"

    def open(self) -> None:
        logs = _file_log_exporter()(str(self.store / "logs.jsonl"))
        spans = trace_exporter.FileSpanExporter(str(self.store / "spans.jsonl"))
        batch = self.variant == "batch"
        self._loggers, self._tracers = LoggerProvider(), TracerProvider()
        self._loggers.add_log_record_processor(
            BatchLogRecordProcessor(logs) if batch else SimpleLogRecordProcessor(logs)
        )
        self._tracers.add_span_processor(BatchSpanProcessor(spans) if batch else SimpleSpanProcessor(spans))
        self._tracer, self._logger = self._tracers.get_tracer("bench"), self._loggers.get_logger("bench")

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        attributes = {**params, "inputs": json.dumps(list(inputs))}
        span = self._tracer.start_span(f"run{number}", attributes=attributes)
        body(OtelRun(span, self._logger, self.store / "files" / str(number)))
        span.end()
        if self.variant == "batch":
            self._loggers.force_flush()
            self._tracers.force_flush()

    def close(self) -> None:
        self._loggers.shutdown()
        self._tracers.shutdown()

    def count_events(self) -> int:
        found = 0
        for line in (self.store / "logs.jsonl").read_text().splitlines():
            try:
                json.loads(line)
            except ValueError:
                continue
            found += line.count('"eventName"') or 1
        return found

    def notes(self, events: int) -> dict[str, Any]:
        return {"dropped_events": events - self.count_events()}


def _file_log_exporter() -> Any:
    """The exporter's class, whose name differs between the releases of this beta package."""
    names = [name for name in dir(_log_exporter) if name.startswith("File") and name.endswith("Exporter")]
    return getattr(_log_exporter, names[0])
