"""What this machine and this process use, from `/proc` and the standard library.

- Without `/proc` (macOS, Windows) there is less, and never a guess in its place.
- Graphics cards are asked by NVIDIA's own command, where it is; it is given time, and ended with the run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    Reading = dict[str, float]

GPU_COMMAND: Final = "nvidia-smi"
GPU_SECONDS: Final = 30.0
"""A card that does not answer in that time is not asked again."""
_GPU_FIELDS: Final = {
    "index": "",
    "utilization.gpu": "percent",
    "memory.used": "memory.used_bytes",
    "memory.total": "memory.total_bytes",
    "temperature.gpu": "celsius",
    "power.draw": "watts",
}
_MEBIBYTE: Final = 1 << 20
_NS: Final = 1e9


class SystemMeters:
    """Port `meters`."""

    def __init__(self) -> None:
        self._before: dict[str, float] = {}
        self._first: dict[str, float] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = threading.Event()

    def read(self) -> Reading:
        found: Reading = {}
        for part in (self._cpu, self._process_cpu, _memory, _process_memory, self._disk, self._network):
            try:
                found.update(part())
            except (OSError, ValueError, LookupError):
                continue  # this system does not tell it, or tells it in another way
        return found

    def _since(self, name: str, value: float) -> float:
        """How much more it is than at the last reading."""
        before = self._before.get(name, value)
        self._before[name] = value
        return max(0.0, value - before)

    def _grown(self, name: str, value: float) -> Reading:
        """How much more it is than at the first reading."""
        return {name: max(0.0, value - self._first.setdefault(name, value))}

    def _cpu(self) -> Iterator[tuple[str, float]]:
        times = [float(word) for word in _text("/proc/stat").split("\n", 1)[0].split()[1:9]]
        idle = self._since("idle", times[3] + times[4])
        total = self._since("total", sum(times))
        if total:
            yield "system.cpu.percent", 100.0 * (total - min(idle, total)) / total

    def _process_cpu(self) -> Iterator[tuple[str, float]]:
        used = os.times()
        passed = self._since("clock", time.monotonic_ns() / _NS)
        spent = self._since("process", used.user + used.system)
        if passed:
            yield "system.process.cpu.percent", 100.0 * spent / passed

    def _disk(self) -> Reading:
        facts = dict(line.split(": ") for line in _text("/proc/self/io").splitlines())
        return {
            **self._grown("system.process.disk.read_bytes", float(facts["read_bytes"])),
            **self._grown("system.process.disk.written_bytes", float(facts["write_bytes"])),
        }

    def _network(self) -> Reading:
        received = sent = 0.0
        for line in _text("/proc/net/dev").splitlines()[2:]:
            name, _, facts = line.partition(":")
            if name.strip() != "lo":
                words = facts.split()
                received, sent = received + float(words[0]), sent + float(words[8])
        return {
            **self._grown("system.network.received_bytes", received),
            **self._grown("system.network.sent_bytes", sent),
        }

    def read_gpus(self) -> Reading:
        command = shutil.which(GPU_COMMAND)
        if command is None or self._closed.is_set():
            return {}
        fields = ",".join(_GPU_FIELDS)
        words = [command, f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
        try:
            with subprocess.Popen(  # noqa: S603  # the command that the user's PATH has
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as process:
                self._process = process
                if self._closed.is_set():
                    process.kill()
                try:
                    output, _ = process.communicate(timeout=GPU_SECONDS)
                finally:
                    process.kill()
        except (OSError, ValueError, subprocess.SubprocessError):
            return {}
        return {} if process.returncode else dict(_gpu_facts(output.decode("utf-8", "replace")))

    def close(self) -> None:
        self._closed.set()
        process = self._process
        if process is not None:
            try:
                process.kill()
            except OSError:
                return


def _text(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def _memory() -> Reading:
    facts = dict(line.split(":", 1) for line in _text("/proc/meminfo").splitlines())
    total, available = (1024.0 * float(facts[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return {"system.memory.used_bytes": total - available, "system.memory.percent": 100.0 * (total - available) / total}


def _process_memory() -> Reading:
    try:
        pages = int(_text("/proc/self/statm").split()[1])
    except OSError:
        return _peak_memory()
    return {"system.process.memory.rss_bytes": float(pages * os.sysconf("SC_PAGE_SIZE"))}


def _peak_memory() -> Reading:
    """Where the system tells no present size, the greatest until now."""
    try:
        import resource
        import sys
    except ImportError:
        return {}
    unit = 1 if sys.platform == "darwin" else 1024
    return {"system.process.memory.peak_bytes": float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)}


def _gpu_facts(output: str) -> Iterator[tuple[str, float]]:
    for line in output.splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) != len(_GPU_FIELDS) or not words[0].isdecimal():
            continue
        for name, word in zip(list(_GPU_FIELDS.values())[1:], words[1:], strict=True):
            try:
                value = float(word)
            except ValueError:  # `[N/A]`: this card does not tell it
                continue
            yield f"system.gpu.{words[0]}.{name}", value * (_MEBIBYTE if name.endswith("_bytes") else 1)
