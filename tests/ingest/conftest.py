"""A server of models, and a run to record in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.scenes import open_store

from runstone.engine.store import Store

from .openai_server import OpenAIServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
    found = OpenAIServer()
    yield found
    found.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "runs")
