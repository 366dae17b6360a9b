"""A server that speaks as OpenAI's chat completions do, and answers what a test has it answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

WAIT_S = 30


@dataclass
class Answer:
    """One answer: a text, calls of tools as pairs of name and arguments, an HTTP status that is none, or a wait."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    status: int = 200
    error: str = "the server has failed"
    usage: tuple[int, int, int] = (11, 7, 3)
    until: Event | None = None
    """Answer only once this is set."""


Script = Callable[[dict[str, Any]], Answer]


@dataclass
class OpenAIServer:
    """The server. `answers` are given one after the other; with a `script` it says what is answered to a body."""

    answers: list[Answer] = field(default_factory=list)
    script: Script | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: Event = field(default_factory=Event)
    """Set once a request is there."""

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._calls = 0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._http.daemon_threads = True
        self._thread = Thread(target=self._http.serve_forever, daemon=True, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is, as clients want it."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def close(self) -> None:
        """Stop answering."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        """What this request is answered."""
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            found = self.script(body) if self.script else self.answers.pop(0)
        self.asked.set()
        if found.until is not None:
            found.until.wait(WAIT_S)
        return found

    def calls_of(self, answer: Answer) -> list[dict[str, Any]]:
        """The calls of tools of an answer, with ids that count."""
        found = []
        for name, args in answer.calls:
            with self._lock:
                self._calls += 1
                number = self._calls
            function = {"name": name, "arguments": json.dumps(args)}
            found.append({"id": f"call_{number}", "type": "function", "function": function})
        return found


def _handler_of(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = server.answer(body, dict(self.headers.items()))
            try:
                if answer.status != 200:
                    self._whole(answer.status, {"error": {"message": answer.error, "type": "server_error"}})
                elif body.get("stream"):
                    self._pieces(_chunks(server, body, answer))
                else:
                    self._whole(200, _completion(server, body, answer))
            except OSError:  # the client has gone
                self.close_connection = True

        def _whole(self, status: int, document: dict[str, Any]) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")
            self.send_header("Retry-After-Ms", "1")
            self.end_headers()
            self.wfile.write(data)

        def _pieces(self, chunks: Iterator[dict[str, Any]]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
                self.wfile.flush()
            self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


def _usage(answer: Answer) -> dict[str, Any]:
    given, made, cached = answer.usage
    details = {"prompt_tokens_details": {"cached_tokens": cached}, "completion_tokens_details": {"reasoning_tokens": 0}}
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made, **details}


def _base(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1700000000, "model": f"{body['model']}-2026"}


def _reason(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def _completion(server: OpenAIServer, body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.calls:
        message["tool_calls"] = server.calls_of(answer)
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer), "logprobs": None}
    return {**_base(body, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def _chunks(server: OpenAIServer, body: dict[str, Any], answer: Answer) -> Iterator[dict[str, Any]]:
    base = _base(body, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]}

    yield chunk({"role": "assistant", "content": ""})
    for word in answer.text.split(" ") if answer.text else ():
        yield chunk({"content": word + " "})
    for index, call in enumerate(server.calls_of(answer)):
        arguments = call["function"]["arguments"]
        half = len(arguments) // 2
        yield chunk({"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]})
        for part in (arguments[:half], arguments[half:]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    yield chunk({}, _reason(answer))
    yield {**base, "choices": [], "usage": _usage(answer)}
