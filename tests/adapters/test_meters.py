"""What the machine and this process use: names, ranges, and a graphics card that answers, lies or never does."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from runstone.adapters import meters
from runstone.adapters.meters import SystemMeters

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other OS")


@ON_LINUX
def test_readings_have_the_documented_names_and_ranges() -> None:
    """All of them at the second reading; percentages within their bounds, counters from zero."""
    found = SystemMeters()
    first, second = found.read(), found.read()
    assert set(first) | set(second) <= {
        "system.cpu.percent",
        "system.process.cpu.percent",
        "system.memory.used_bytes",
        "system.memory.percent",
        "system.process.memory.rss_bytes",
        "system.process.disk.read_bytes",
        "system.process.disk.written_bytes",
        "system.network.received_bytes",
        "system.network.sent_bytes",
    }
    assert 0 < second["system.memory.percent"] < 100
    assert second["system.process.memory.rss_bytes"] > 1 << 20
    assert second["system.process.cpu.percent"] >= 0
    assert 0 <= second.get("system.cpu.percent", 0) <= 100


FILES = {
    "/proc/stat": ["cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\n", "cpu  175 0 125 900 0 0 0 0 0 0\n"],
    "/proc/meminfo": ["MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n"] * 2,
    "/proc/self/statm": ["10 5 1 1 0 1 0\n"] * 2,
    "/proc/self/io": ["rchar: 9\nread_bytes: 100\nwrite_bytes: 50\n", "read_bytes: 4196\nwrite_bytes: 50\n"],
    "/proc/net/dev": [
        "Inter-|\n face |\n    lo: 7 0 0 0 0 0 0 0 7 0\n  eth0: 10 0 0 0 0 0 0 0 20 0\n",
        "Inter-|\n face |\n  eth0: 15 0 0 0 0 0 0 0 26 0\n  eth1: 1 0 0 0 0 0 0 0 0 0\n",
    ],
}


def test_readings_are_what_the_files_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates since the last reading, counters since the first, the loopback left out."""
    texts = {path: list(contents) for path, contents in FILES.items()}
    monkeypatch.setattr(meters, "_text", lambda path: texts[path].pop(0))
    monkeypatch.setattr(meters.os, "sysconf", lambda name: 4096)
    found = SystemMeters()
    found.read()
    second = found.read()
    assert second["system.cpu.percent"] == 50.0
    assert (second["system.memory.used_bytes"], second["system.memory.percent"]) == (750 * 1024, 75.0)
    assert second["system.process.memory.rss_bytes"] == 5 * 4096
    assert second["system.process.disk.read_bytes"] == 4096
    assert second["system.process.disk.written_bytes"] == 0
    assert (second["system.network.received_bytes"], second["system.network.sent_bytes"]) == (6, 6)


def test_a_system_without_proc_tells_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's CPU and its peak memory; nothing is guessed, nothing raised."""

    def absent(path: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(meters, "_text", absent)
    found = SystemMeters()
    found.read()
    assert set(found.read()) == {"system.process.cpu.percent", "system.process.memory.peak_bytes"}


@pytest.mark.parametrize("text", ["", "garbage", "cpu a b c\n", "MemTotal: x kB"])
def test_files_of_another_form_are_passed_over(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What cannot be read is absent."""
    monkeypatch.setattr(meters, "_text", lambda path: text)
    assert set(SystemMeters().read()) <= {
        "system.process.cpu.percent",
        "system.network.received_bytes",
        "system.network.sent_bytes",
    }


def card(folder: Path, script: str) -> None:
    """A command of the card's name that does what the script says."""
    (folder / meters.GPU_COMMAND).write_text(f"#!/bin/sh\n{script}\n")
    (folder / meters.GPU_COMMAND).chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which commands are found first."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_cards_are_read(folder: Path) -> None:
    """Each by its number; what a card does not tell is absent."""
    card(folder, 'printf "0, 35, 1024, 8192, 51, 70.5\\n1, 0, 0, 8192, [N/A], [N/A]\\n"')
    assert SystemMeters().read_gpus() == {
        "system.gpu.0.percent": 35.0,
        "system.gpu.0.memory.used_bytes": 1024.0 * (1 << 20),
        "system.gpu.0.memory.total_bytes": 8192.0 * (1 << 20),
        "system.gpu.0.celsius": 51.0,
        "system.gpu.0.watts": 70.5,
        "system.gpu.1.percent": 0.0,
        "system.gpu.1.memory.used_bytes": 0.0,
        "system.gpu.1.memory.total_bytes": 8192.0 * (1 << 20),
    }


@pytest.mark.parametrize("script", ["exit 9", "echo no devices", "printf '0, 1'", "printf '\\377\\n'"])
def test_a_card_that_says_something_else_is_none(folder: Path, script: str) -> None:
    """Failures and other words are no readings."""
    card(folder, script)
    assert SystemMeters().read_gpus() == {}


def test_without_the_command_there_is_none(folder: Path) -> None:
    """Nothing is started."""
    assert SystemMeters().read_gpus() == {}


def test_a_card_that_never_answers_is_let_go(folder: Path) -> None:
    """`close` ends the command that is waited for, from another thread."""
    mark = folder / "started"
    card(folder, f"echo > {mark}\nexec sleep 1000")
    found, answers = SystemMeters(), []
    thread = threading.Thread(target=lambda: answers.append(found.read_gpus()))
    thread.start()
    while not mark.exists() and thread.is_alive():
        pass
    found.close()
    thread.join(30)
    assert answers == [{}]


def test_a_card_that_takes_too_long_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the command is killed."""
    card(folder, "exec sleep 1000")
    monkeypatch.setattr(meters, "GPU_SECONDS", 0.01)
    assert SystemMeters().read_gpus() == {}
