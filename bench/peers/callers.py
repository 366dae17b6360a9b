"""Who records a call of a tool: Runstone, libraries that trace or log such calls, and two lines written by hand.

Each records the same call: a name, two arguments, a short result, and how long it took. `close` makes what is kept in
memory reach its place.
"""

import http.server
import json
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

CONTRACT = {
    "name": "search",
    "version": "1",
    "arguments": {
        "type": "object",
        "properties": {"query": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["query", "count"],
    },
    "side_effect": "read",
}


def work(query: str, count: int) -> list[str]:
    """The tool."""
    return [f"{query} {count}"]


class Caller(ABC):
    """Records calls, in a folder that is not there yet."""

    mapping: ClassVar[str] = ""
    call: Callable[[str, int], object]
    """The tool, recorded."""

    def __init__(self, folder: Path, variant: str) -> None:
        self.folder = folder
        self.variant = variant
        folder.mkdir()

    @abstractmethod
    def open(self) -> None:
        """Get ready; then `call` is there."""

    @abstractmethod
    def close(self) -> None:
        """End it; what was recorded is kept."""


def load_caller(name: str, scratch: Path) -> Caller:
    """A contender's caller, on a folder of its own inside `scratch`."""
    module, _, variant = name.partition(":")
    return _CALLERS[module](scratch / name.replace(":", "-"), variant)


class RunstoneCaller(Caller):
    """`Run.tool` behind a contract; variant `block`: `Run.tool_call` without one; `ruled`: behind a policy as well."""

    mapping = "run.tool(contract), its arguments checked and redacted; block: run.tool_call; ruled: and a policy"

    def open(self) -> None:
        import runstone

        self._run = runstone.open(self.folder / "store").run("bench")
        self.call = self._in_block if self.variant == "block" else self._run.tool(CONTRACT)(work)
        if self.variant == "ruled":
            self._run.govern({"name": "bench", "version": "1", "deny": ["shell"], "budget": {"calls": 10**9}})

    def _in_block(self, query: str, count: int) -> list[str]:
        with self._run.tool_call("search", {"query": query, "count": count}) as call:
            answer = work(query, count)
            call.returned(answer)
        return answer

    def close(self) -> None:
        self._run.finish()


class FloorCaller(Caller):
    """Two lines a call."""

    mapping = "two lines of orjson, two writes"

    def open(self) -> None:
        from orjson import dumps

        descriptor = self._descriptor = os.open(self.folder / "calls.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def call(query: str, count: int) -> list[str]:
            started = time.monotonic_ns()
            called = {"name": "search", "args": {"query": query, "count": count}, "ts": time.time_ns()}
            os.write(descriptor, dumps(called) + b"\n")
            answer = work(query, count)
            returned = {"name": "search", "result": answer, "duration_ns": time.monotonic_ns() - started}
            os.write(descriptor, dumps(returned) + b"\n")
            return answer

        self.call = call

    def close(self) -> None:
        os.close(self._descriptor)


class OtelCaller(Caller):
    """A span a call, by the conventions for tools; variant `file` exports each as it ends, `batch` from a thread."""

    mapping = "a span execute_tool, arguments and result as JSON attributes, exported as OTLP JSON to a file"

    def open(self) -> None:
        from opentelemetry.exporter.otlp.json.file import trace_exporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

        spans = trace_exporter.FileSpanExporter(str(self.folder / "spans.jsonl"))
        self._provider = TracerProvider()
        processor = BatchSpanProcessor if self.variant == "batch" else SimpleSpanProcessor
        self._provider.add_span_processor(processor(spans))
        tracer = self._provider.get_tracer("bench")

        def call(query: str, count: int) -> list[str]:
            with tracer.start_as_current_span("execute_tool search") as span:
                span.set_attribute("gen_ai.tool.name", "search")
                span.set_attribute("gen_ai.tool.call.arguments", json.dumps({"query": query, "count": count}))
                answer = work(query, count)
                span.set_attribute("gen_ai.tool.call.result", json.dumps(answer))
            return answer

        self.call = call

    def close(self) -> None:
        self._provider.shutdown()


class _Sink(http.server.BaseHTTPRequestHandler):
    """Takes what is sent, and says that it was taken."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"{}"
        self.send_response(202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815  # as the base class names them

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class LangsmithCaller(Caller):
    """`@traceable`; its client sends from a thread to a server on the loopback that takes everything."""

    mapping = "@traceable(run_type='tool'), sent in the background to a local server that keeps nothing"

    def open(self) -> None:
        import langsmith

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self._server.server_port}"
        self._client = langsmith.Client(api_url=url, api_key="none")
        os.environ["LANGSMITH_TRACING"] = "true"
        self.call = langsmith.traceable(run_type="tool", name="search", client=self._client)(work)

    def close(self) -> None:
        self._client.flush()
        self._server.shutdown()


class InspectCaller(Caller):
    """A `ToolEvent` a call, logged when it begins and ends, to the live buffer that Inspect keeps of a sample."""

    mapping = "a ToolEvent, logged to the sample's live buffer database when it begins and when it ends"

    def open(self) -> None:
        import inspect_ai.log as log_api
        from inspect_ai.event import ToolEvent
        from inspect_ai.log._recorders.buffer.database import SampleBufferDatabase
        from inspect_ai.log._recorders.types import SampleEvent

        buffer = SampleBufferDatabase(str(self.folder / "log.eval"), db_dir=self.folder / "buffer")
        buffer.start_sample(log_api.EvalSampleSummary(id=1, epoch=1, input="x", target="y"))
        self._buffer = buffer

        def call(query: str, count: int) -> list[str]:
            arguments: dict[str, Any] = {"query": query, "count": count}
            event = ToolEvent(id=query, function="search", arguments=arguments, pending=True)
            buffer.log_events([SampleEvent(id=1, epoch=1, event=event)])
            answer = work(query, count)
            event = event.model_copy(update={"result": json.dumps(answer), "pending": None})
            buffer.log_events([SampleEvent(id=1, epoch=1, event=event)])
            return answer

        self.call = call

    def close(self) -> None:
        self._buffer.cleanup()


_CALLERS: dict[str, type[Caller]] = {
    "runstone": RunstoneCaller,
    "floor": FloorCaller,
    "otel": OtelCaller,
    "langsmith": LangsmithCaller,
    "inspect": InspectCaller,
}
