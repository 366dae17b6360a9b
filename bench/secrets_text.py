"""What the row `redaction` looks through: clean bytes of five kinds, and a log with planted secrets.

- Everything is made from fixed seeds; the secrets are fresh, well formed by their issuers' documentation, and open
  nothing. No literal token stands in the repository.
- Of each secret `pattern` is what somebody writes by hand who knows that it comes.
"""

import base64
import json
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bench.workload import log_lines, make_events

ALNUM = string.digits + string.ascii_uppercase + string.ascii_lowercase
URLSAFE = ALNUM + "-_"
BASE32 = string.ascii_uppercase + "234567"
LINE = 76
"""Characters a line of hexadecimal digits and of base64 (RFC 2045)."""


def log_text(size_bytes: int) -> bytes:
    """The lines of the other rows' log."""
    return _filled("".join(line + "\n" for line in log_lines()), size_bytes)


def json_lines(size_bytes: int) -> bytes:
    """The other rows' events, one a line."""
    return _filled("".join(json.dumps(event) + "\n" for event in make_events()), size_bytes)


def hex_lines(size_bytes: int) -> bytes:
    """Random bytes in hexadecimal digits."""
    return _in_lines(Random(17).randbytes(size_bytes // 2).hex())


def base64_lines(size_bytes: int) -> bytes:
    """Random bytes in base64."""
    return _in_lines(base64.b64encode(Random(19).randbytes(size_bytes * 3 // 4)).decode())


def gcode(size_bytes: int) -> bytes:
    """Moves of a 3D printer, layer by layer."""
    rng = Random(23)
    lines = []
    for index in range(60_000):
        if index % 200 == 0:
            lines.append(
                f";LAYER:{index // 200}\nG0 F9000 Z{0.2 * (index // 200 + 1):.2f}\nM106 S{rng.randrange(256)}\n"
            )
        x, y = rng.uniform(0, 220), rng.uniform(0, 220)
        lines.append(f"G1 X{x:.3f} Y{y:.3f} E{index * 0.0331:.5f}\n")
    return _filled("".join(lines), size_bytes)


def _filled(text: str, size_bytes: int) -> bytes:
    data = text.encode()
    return (data * (size_bytes // len(data) + 1))[:size_bytes]


def _in_lines(text: str) -> bytes:
    return "".join(text[at : at + LINE] + "\n" for at in range(0, len(text), LINE)).encode()


CLEAN: dict[str, Callable[[int], bytes]] = {
    "log text": log_text,
    "JSON": json_lines,
    "hex": hex_lines,
    "base64": base64_lines,
    "G-code": gcode,
}


@dataclass(frozen=True)
class Kind:
    """One kind of secret: how it is made, where it stands in a line (`{}`), and a pattern that finds it."""

    name: str
    make: Callable[[Random], str]
    place: str
    pattern: str


def _made(prefix: str, alphabet: str, size: int) -> Callable[[Random], str]:
    return lambda rng: prefix + _drawn(rng, alphabet, size)


def _drawn(rng: Random, alphabet: str, size: int) -> str:
    return "".join(rng.choices(alphabet, k=size))


def _checked(prefix: str) -> Callable[[Random], str]:
    """30 characters and their CRC-32 in base 62, as GitHub and npm document it."""

    def make(rng: Random) -> str:
        body = _drawn(rng, ALNUM, 30)
        number, digits = zlib.crc32(body.encode()), ""
        for _ in range(6):
            number, digit = divmod(number, len(ALNUM))
            digits = ALNUM[digit] + digits
        return prefix + body + digits

    return make


def _jwt(rng: Random) -> str:
    parts = (b'{"alg":"HS256","typ":"JWT"}', json.dumps({"sub": _drawn(rng, ALNUM, 12), "iat": 1767225600}).encode())
    head, claims, signature = (
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, rng.randbytes(32))
    )
    return f"{head}.{claims}.{signature}"


def _sendgrid(rng: Random) -> str:
    return f"SG.{_drawn(rng, URLSAFE, 22)}.{_drawn(rng, URLSAFE, 43)}"


def _slack(rng: Random) -> str:
    numbers = "-".join(_drawn(rng, string.digits[1:], 12) for _ in range(2))
    return f"xoxb-{numbers}-{_drawn(rng, ALNUM, 24)}"


KINDS = (
    Kind("aws-id", _made("AKIA", BASE32, 16), "assumed role with {}", "AKIA[A-Z2-7]{16}"),
    Kind("aws-secret", _made("", ALNUM + "+/", 40), "aws_secret_access_key={}", "(?<=access_key=)[A-Za-z0-9+/]{40}"),
    Kind("github", _checked("ghp_"), "cloning with {}", "ghp_[A-Za-z0-9]{36}"),
    Kind("gitlab", _made("glpat-", URLSAFE, 20), "fetching, token {}", "glpat-[A-Za-z0-9_-]{20}"),
    Kind("google", _made("AIza", URLSAFE, 35), "GET /maps/api/js?key={}", "AIza[A-Za-z0-9_-]{35}"),
    Kind("jwt", _jwt, "session {} accepted", r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"),
    Kind("npm", _checked("npm_"), "publishing with {}", "npm_[A-Za-z0-9]{36}"),
    Kind("password", _made("", ALNUM, 14), "login user=deploy password={}", r"(?<=password=)\S+"),
    Kind("sendgrid", _sendgrid, "mailer ready, {}", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    Kind("slack", _slack, "posting as {}", "xoxb-[A-Za-z0-9-]+"),
    Kind("stripe", _made("sk_" + "live_", ALNUM, 24), "charging with {}", "sk_live_[A-Za-z0-9]{24}"),
    Kind("url", _made("", ALNUM, 16), "connected to postgres://app:{}@db:5432/x", r"(?<=://app:)[^@\s]+(?=@)"),
)


@dataclass(frozen=True)
class Planted:
    """A secret in a line of the log, counted from 0."""

    kind: str
    line: int
    secret: str


def planted_log(size_bytes: int, each: int) -> tuple[list[str], list[Planted]]:
    """Lines of the log, `each` secrets of each kind among them, at places drawn from a seed."""
    lines = log_text(size_bytes).decode().splitlines()
    rng = Random(29)
    found = []
    numbers = rng.sample(range(len(lines)), each * len(KINDS))
    for index, number in enumerate(sorted(numbers)):
        kind = KINDS[index % len(KINDS)]
        secret = kind.make(rng)
        lines[number] = lines[number][:40] + kind.place.format(secret)
        found.append(Planted(kind.name, number, secret))
    return lines, found
