"""The machine, named by its kind only: no host name, no address, no path."""

import hashlib
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

HASHED = 64 << 20
NEW_FILES = 40


def file_system(path: Path) -> str:
    """Type of the file system that holds a path."""
    path = path.resolve()
    kinds = {}
    for line in Path("/proc/mounts").read_text().splitlines():
        _device, mount, kind, *_rest = line.split()
        if path.is_relative_to(mount):
            kinds[len(mount)] = kind
    return kinds[max(kinds)] if kinds else "unknown"


def is_virtual() -> bool:
    """Whether the processor says that it runs under a hypervisor."""
    try:
        return "hypervisor" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def file_us(scratch: Path) -> dict[str, int]:
    """Median microseconds to create a file, and to sync it with 4 KB in it.

    Creating takes about 10 µs on ext4, and 200 among tens of thousands of other files: then choose another folder.
    """
    creating, syncing = [], []
    for index in range(NEW_FILES):
        path = scratch / f"new-{index}"
        started = time.perf_counter()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        creating.append(time.perf_counter() - started)
        os.write(descriptor, bytes(4096))
        started = time.perf_counter()
        os.fsync(descriptor)
        syncing.append(time.perf_counter() - started)
        os.close(descriptor)
        path.unlink()
    return {"create_us": round(1e6 * statistics.median(creating)), "sync_us": round(1e6 * statistics.median(syncing))}


def sha256_gb_s() -> float:
    """Best of five: gigabytes a second of SHA-256 on this machine."""
    data = bytes(HASHED)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        hashlib.sha256(data)
        times.append(time.perf_counter() - started)
    return round(HASHED / min(times) / 1e9, 2)


def describe_machine(scratch: Path) -> dict[str, Any]:
    """The kind of machine, and the figures that absolute times depend on."""
    kind = "virtual machine" if is_virtual() else "machine"
    return {
        "kind": f"{len(os.sched_getaffinity(0))}-core {kind}, {file_system(scratch)}",
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **file_us(scratch),
        "sha256_gb_s": sha256_gb_s(),
        "load": round(os.getloadavg()[0], 1),
        "date": time.strftime("%Y-%m-%d"),
    }
