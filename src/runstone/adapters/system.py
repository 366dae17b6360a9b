"""Clock, entropy and host of this machine."""

from __future__ import annotations

import os
import stat
import sys
import time

from runstone.adapters import git
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.adapters.meters import SystemMeters

SECRET_WORDS: Final = frozenset(
    {
        "APIKEY",
        "AUTH",
        "CREDENTIAL",
        "CREDENTIALS",
        "DSN",
        "KEY",
        "PASS",
        "PASSPHRASE",
        "PASSWD",
        "PASSWORD",
        "PRIVATE",
        "PWD",
        "SECRET",
        "SECRETS",
        "TOKEN",
    }
)
"""Words of a variable's name that say that its value is secret."""

NOT_SECRET_NAMES: Final = frozenset({"PWD", "OLDPWD", "SSH_AUTH_SOCK", "GPG_KEY", "SSH_ASKPASS", "GIT_ASKPASS"})
"""Names that hold such a word and are no secret; `GPG_KEY` is a fingerprint in public images."""

COMMON_WORDS: Final = frozenset(
    {
        "changeme",
        "disabled",
        "optional",
        "password",
        "postgres",
        "required",
        "undefined",
        "username",
        "localhost",
        "development",
        "production",
    }
)
SETTINGS_FILE: Final = "runstone.toml"
MAX_SETTINGS_BYTES: Final = 1 << 20
MIN_SECRET_LENGTH: Final = 8


class SystemClock:
    """The machine's clocks."""

    time_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)


class SystemEntropy:
    """The kernel's random bytes."""

    random_bytes = staticmethod(os.urandom)


class SystemHost:
    """This process, read at each call."""

    def argv(self) -> list[str]:
        return list(sys.orig_argv)

    def cwd(self) -> str | None:
        try:
            return os.getcwd()
        except OSError:
            return None

    def entry(self) -> str | None:
        main = sys.modules.get("__main__")
        spec = getattr(main, "__spec__", None)
        if spec is not None:
            name: str = spec.name
            return "-m " + name.removesuffix(".__main__")
        path = getattr(main, "__file__", None)
        return None if path is None else str(path)

    def platform(self) -> dict[str, Any]:
        if not _platform:  # which stays as it is while the process runs
            _platform.update(_platform_facts())
        return _platform.copy()

    def user(self) -> str:
        for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
            if os.environ.get(name):
                return os.environ[name]
        try:
            import pwd

            return pwd.getpwuid(os.getuid()).pw_name
        except (ImportError, KeyError):
            return "unknown"

    def setting(self, name: str) -> str | None:
        return os.environ.get(name) or None

    def settings_file(self) -> tuple[bytes, str] | None:
        chosen = os.environ.get("RUNSTONE_CONFIG")
        path = chosen or SETTINGS_FILE
        try:
            fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
            try:
                kind = _not_a_file(os.fstat(fd).st_mode)
                data = b"" if kind else _read(fd, MAX_SETTINGS_BYTES + 1)
            finally:
                os.close(fd)
        except (OSError, ValueError) as exc:
            if isinstance(exc, FileNotFoundError) and not chosen:
                return None
            reason = getattr(exc, "strerror", None) or str(exc)
            raise error("invalid_settings", f"{path} cannot be read: {reason}", path=path, table=None) from exc
        if kind:
            raise error("invalid_settings", f"{path} is {kind}, not a file of settings", path=path, table=None)
        if len(data) > MAX_SETTINGS_BYTES:
            raise error("invalid_settings", f"{path}: over {MAX_SETTINGS_BYTES} bytes", path=path, table=None)
        return data, path

    def secrets(self) -> dict[str, str]:
        values = [os.environ.get(name, "") for name in _telling_names()]
        return {
            text: "environment"
            for value in values
            if len(value.strip()) >= MIN_SECRET_LENGTH and _is_secret(value)
            for text in (value, value.strip())  # of a file it has the line end
        }

    def meters(self) -> SystemMeters:
        from runstone.adapters.meters import SystemMeters

        return SystemMeters()

    def cached(self, name: str) -> bytes | None:
        from runstone.adapters import cache

        return cache.load(cache.for_processor(name))

    def cache(self, name: str, data: bytes) -> None:
        from runstone.adapters import cache

        cache.keep(cache.for_processor(name), data)

    def git(self) -> dict[str, Any] | None:
        sha, ref = os.environ.get("GITHUB_SHA"), os.environ.get("GITHUB_REF")
        if sha and ref:
            return {"sha": sha, "ref": ref}
        cwd = self.cwd()
        found = git.head_of(cwd) if cwd else None
        if found is None:
            return {"sha": sha or None, "ref": ref or None} if sha or ref else None
        return {"sha": sha or found[0], "ref": ref or found[1]}


def _platform_facts() -> dict[str, str]:
    facts = {
        "system": sys.platform,
        "release": "",
        "machine": "",
        "python": sys.version.partition(" ")[0],
        "implementation": sys.implementation.name,
    }
    if hasattr(os, "uname"):
        name = os.uname()
        facts |= {"system": name.sysname, "release": name.release, "machine": name.machine}
    return facts


_platform: Final[dict[str, str]] = {}


def _not_a_file(mode: int) -> str:
    """What stands in the place of a file; empty where one does, or a device."""
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else ""


def _read(fd: int, limit: int) -> bytes:
    data = b""
    while len(data) < limit and (chunk := os.read(fd, limit - len(data))):
        data += chunk
    return data


def _telling_names() -> list[str]:
    """The variables whose names say secret; they are looked for when there are other names than the last time."""
    names = tuple(os.environ)
    for seen, telling in _seen[:1]:
        if seen == names:
            return telling
    telling = list(filter(_tells_of_secret, names))
    _seen[:] = [(names, telling)]
    return telling


_seen: Final[list[tuple[tuple[str, ...], list[str]]]] = []


def _tells_of_secret(name: str) -> bool:
    """By the words of a variable, or as any name in a text does."""
    from runstone.core.redaction import names

    words = {word.upper().rstrip("0123456789") for word in names.words_of(name)}
    return name not in NOT_SECRET_NAMES and (not SECRET_WORDS.isdisjoint(words) or names.says_secret(name))


def _is_secret(value: str) -> bool:
    if value.lower() in COMMON_WORDS or value.isspace():
        return False
    try:
        return not os.path.lexists(value)
    except ValueError:
        return True
