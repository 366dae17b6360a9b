"""The user's cache folder: what is kept, what is believed, and that nothing there can stop a run."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from runstone.adapters import cache
from runstone.adapters.system import SystemHost
from runstone.core.digests import sha256_hex
from runstone.core.redaction import gate
from runstone.core.redaction.gate import Scanner, Sought
from runstone.core.redaction.ruleset import DEFAULT
from runstone.engine import live

SECRET = b"token: ghp_" + b"x1Y2" * 9 + b"\n"
PLATFORM_AT = 12
"""Where the library says in a database for which processor it is."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that does not exist yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "runstone"


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: nothing is compiled, counted or kept."""
    for name in ("_rules", "_passed", "_due", "_being_made", "_idle", "_literals"):
        monkeypatch.setattr(gate, name, {})


def test_what_is_kept_is_loaded_and_only_the_user_reads_it(folder: Path) -> None:
    """Whole, mode 0600 in a folder of mode 0700, under any umask; a second `keep` replaces it."""
    before = os.umask(0)
    try:
        cache.keep("rules", b"old")
        cache.keep("rules", b"new")
    finally:
        os.umask(before)
    assert cache.load("rules") == b"new"
    assert stat.S_IMODE((folder / "rules").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.listdir(folder) == ["rules"]
    assert cache.load("other") is None


def test_only_a_file_of_the_users_own_is_believed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others can write or read, a link, a pipe, a folder, somebody else's file, what is too large: none."""
    cache.keep("rules", b"data")
    for mode in (0o660, 0o606, 0o640, 0o604):
        (folder / "rules").chmod(mode)
        assert cache.load("rules") is None
    (folder / "rules").chmod(0o600)
    (folder / "link").symlink_to(folder / "rules")
    os.mkfifo(folder / "pipe", 0o600)
    (folder / "folder").mkdir(0o700)
    for name in ("link", "pipe", "folder"):
        assert cache.load(name) is None
    with monkeypatch.context() as patch:
        patch.setattr(cache, "MAX_BYTES", 3)
        assert cache.load("rules") is None
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: 4711)
        assert cache.load("rules") is None
    assert cache.load("rules") == b"data"


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in its place, a missing home, a relative path, a device: nothing is kept, nothing raised."""
    (tmp_path / "file").write_bytes(b"")
    for place in (str(tmp_path / "file"), "/proc/nothing", "/dev/null"):
        monkeypatch.setenv("XDG_CACHE_HOME", place)
        cache.keep("rules", b"data")
        assert cache.load("rules") is None
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cache.keep("rules", b"data")
    assert (tmp_path / "home" / ".cache" / "runstone" / "rules").read_bytes() == b"data"
    monkeypatch.setenv("HOME", "nowhere")
    cache.keep("rules", b"data")
    assert cache.load("rules") is None
    assert not Path("nowhere").exists()


@pytest.mark.usefixtures("cold")
def test_a_torn_or_foreign_entry_is_made_anew(folder: Path) -> None:
    """Compiled rules that were cut, changed or made by something else are never given to the matcher."""
    host = SystemHost()
    first = Scanner(DEFAULT, Sought(), host)
    first.warm()
    (entry,) = folder.iterdir()
    good = entry.read_bytes()
    body = good.partition(b"\n")[2]
    for bad in (b"", b"\n", good[:-1], good[:-1] + bytes([good[-1] ^ 1]), b"\xff" * 64 + b"\n" + body, body):
        gate._rules.clear()
        entry.write_bytes(bad)
        assert gate._loaded(DEFAULT, host) is None
        scanner = Scanner(DEFAULT, Sought(), host)
        scanner.warm(compiling=False)
        assert scanner.hit == scanner._slow_hit
        assert scanner.hit(SECRET)
    scanner.warm()
    assert scanner.hit != scanner._slow_hit
    assert entry.read_bytes() == good


@pytest.mark.usefixtures("cold")
def test_a_database_that_the_library_refuses_is_made_anew(folder: Path) -> None:
    """Bytes with a digest that fits, yet no database of this version."""
    host = SystemHost()
    name = gate._cache_name(DEFAULT)
    body = b"no database at all" * 10
    host.cache(name, sha256_hex(body).encode() + b"\n" + body)
    assert gate._loaded(DEFAULT, host) is None


@pytest.mark.usefixtures("cold")
def test_a_database_of_another_processor_is_made_anew(folder: Path) -> None:
    """A home may be shared by machines that differ: what one has compiled is refused by another, and not used."""
    host = SystemHost()
    Scanner(DEFAULT, Sought(), host).warm()
    (entry,) = folder.iterdir()
    body = bytearray(entry.read_bytes().partition(b"\n")[2])
    body[PLATFORM_AT] ^= 1
    gate._rules.clear()
    entry.write_bytes(sha256_hex(bytes(body)).encode() + b"\n" + body)
    assert gate._loaded(DEFAULT, host) is None


def test_each_kind_of_processor_has_its_own(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tells them apart is what the first of them can do, not how fast it happens to be."""
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr(cache, "_PROCESSORS", str(told))
    host = SystemHost()
    host.cache("rules", b"of a machine that does not tell")
    for number, (flags, mhz) in enumerate((("fpu sse2", 1000), ("fpu sse2 avx2", 1000))):
        told.write_text(f"processor: 0\nflags: {flags}\ncpu MHz: {mhz}\n")
        assert host.cached("rules") is None
        host.cache("rules", b"%d" % number)
        told.write_text(f"processor: 0\nflags: {flags}\ncpu MHz: {mhz + 1}\n")
        assert host.cached("rules") == b"%d" % number
    assert len(list(folder.iterdir())) == 3


@pytest.mark.usefixtures("folder", "cold")
def test_many_short_runs_pay_for_one_compile() -> None:
    """What the loops cost is counted over the scanners of a process, not for each."""
    line = b"x" * 99_999 + b"\n"
    scanners = [Scanner(DEFAULT, Sought(), SystemHost()) for _ in range(50)]
    for scanner in scanners:
        assert not scanner.hit(line[-50_000:])
        assert not scanner.hit(line[-50_000:])
    assert scanners[0].hit == scanners[0]._slow_hit
    assert scanners[-1].hit != scanners[-1]._slow_hit
    assert len(list(gate._rules)) == 1


@pytest.mark.usefixtures("folder", "cold")
def test_one_thread_compiles_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service has many callers at the moment at which compiling pays."""
    monkeypatch.setattr(gate, "COMPILE_COST", 0)
    line = b"x" * (gate.WARM_COST + 1)
    compiled, others = gate._compile, [Scanner(DEFAULT, Sought(), SystemHost()) for _ in range(3)]
    made = []

    def compiling(expressions: list[bytes]) -> Any:
        if len(expressions) > 1:
            made.append(len(expressions))
            for other in others:  # as threads do meanwhile
                assert not other.hit(line)
                assert other.hit == other._slow_hit
        return compiled(expressions)

    monkeypatch.setattr(gate, "_compile", compiling)
    first = Scanner(DEFAULT, Sought(), SystemHost())
    assert not first.hit(line)
    assert first.hit != first._slow_hit
    for other in others:
        assert not other.hit(line)
        assert other.hit != other._slow_hit
    assert len(made) == 1


@pytest.mark.usefixtures("folder", "cold")
def test_a_child_compiles_though_it_was_forked_while_another_thread_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """That thread is none of the child's: nobody would ever end what it began."""
    monkeypatch.setattr(gate, "COMPILE_COST", 0)
    monkeypatch.setattr(live, "LIVE", {})
    line = b"x" * (gate.WARM_COST + 1)
    compiled, scanner = gate._compile, Scanner(DEFAULT, Sought(), SystemHost())
    made = []

    def compiling(expressions: list[bytes]) -> Any:
        first = len(expressions) > 1 and not made
        if len(expressions) > 1:
            made.append(len(expressions))
        if first:
            assert not scanner.hit(line)  # as another thread does meanwhile: from now on none is due
            assert scanner.hit == scanner._slow_hit
            live._after_fork()  # as in a child of that thread
            assert not scanner.hit(line)
            assert scanner.hit != scanner._slow_hit
        return compiled(expressions)

    monkeypatch.setattr(gate, "_compile", compiling)
    Scanner(DEFAULT, Sought(), SystemHost()).warm()
    assert len(made) == 2  # the child's, and the parent's, which goes on


@pytest.mark.usefixtures("folder", "cold")
def test_a_short_run_never_waits_for_a_compile() -> None:
    """Below the cost of one the loops answer; a long run compiles once, and the next finds it made."""
    scanner = Scanner(DEFAULT, Sought(), SystemHost())
    line = b"x" * 1023 + b"\n"
    passed = 0
    while scanner.hit == scanner._slow_hit:
        assert not scanner.hit(line)
        passed += len(line) + 512
        assert passed <= gate.COMPILE_COST + gate.WARM_COST
    assert passed > gate.COMPILE_COST
    gate._rules.clear()
    second = Scanner(DEFAULT, Sought(), SystemHost())
    second.warm(compiling=False)
    assert second.hit != second._slow_hit
    assert second.hit(SECRET)
    assert not second.hit(line)
