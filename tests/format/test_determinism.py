"""The same facts give the same bytes: other hash seeds, locales, time zones, umasks, stores and Python versions.

Each case makes all golden bundles and vectors in a process of its own and compares their digests with those of the
stored files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.format.generate import HERE, digests, stored_paths

ROOT = HERE.parents[1]


def find_python(version: str) -> str | None:
    """An interpreter of this version that starts, on the path or where pyenv keeps them."""
    kept = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, kept)):
        if candidate is not None and _version(candidate) == version:
            return candidate
    return None


def _version(python: str) -> str | None:
    shown = subprocess.run(
        [python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, check=False
    )
    return shown.stdout.decode().strip() or None


OTHERS = [f"3.{minor}" for minor in range(11, 20) if minor != sys.version_info.minor]
PYTHONS = [sys.executable, *filter(None, map(find_python, OTHERS))]
"""Every Python from 3.11 that is present; this one is."""


def made(python: str = sys.executable, *store: str, umask: int = -1, **settings: str) -> str:
    """What the generator prints in a process with these settings."""
    environment = {"PYTHONPATH": "src", "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **settings}
    command = [python, "-m", "tests.format.generate", "--digests", *store]
    ended = subprocess.run(command, cwd=ROOT, env=environment, umask=umask, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    return ended.stdout.decode()


@pytest.fixture(scope="module")
def stored() -> str:
    """The same for the files as they are stored."""
    return digests({path: (HERE / path).read_bytes() for path in stored_paths(HERE)})


@pytest.mark.parametrize(
    "settings",
    [
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "4242", "PYTHONUTF8": "0", "LC_ALL": "C"},
        {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
        {"TZ": "Pacific/Chatham"},
        {"TZ": "<-12>12", "LC_TIME": "de_DE.UTF-8"},
        {"PYTHONOPTIMIZE": "1"},
    ],
    ids=lambda settings: ",".join(f"{name}={value}" for name, value in settings.items()),
)
def test_bytes_do_not_depend_on_settings(settings: dict[str, str], stored: str) -> None:
    """Hash seed, locale, time zone and optimisation change no byte."""
    assert made(**settings) == stored


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_bytes_do_not_depend_on_umask_or_store(umask: int, tmp_path: Path, stored: str) -> None:
    """On disk, under any umask, the bundles have the bytes that they have in memory."""
    assert made(sys.executable, str(tmp_path / "runs"), umask=umask) == stored


@pytest.mark.parametrize("python", PYTHONS, ids=_version)
def test_bytes_do_not_depend_on_the_python_version(python: str, stored: str) -> None:
    """Every Python that is there makes the same bytes, also where it has no `orjson`."""
    assert made(python) == stored
