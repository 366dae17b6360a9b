"""Secrets for the tests, made from a seed when they run: no literal token stands in the repository.

For each rule: text that it must match, the part that must go, and look-alikes that it must leave.
"""

from __future__ import annotations

import string
import zlib
from base64 import b64encode
from random import Random
from typing import NamedTuple

LETTERS = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + "234567"
URLSAFE = LETTERS + "_-"


class Planted(NamedTuple):
    """Text with a secret in it; `secret` is what must not survive."""

    text: str
    secret: str


def drawn(random: Random, alphabet: str, size: int) -> str:
    return "".join(random.choices(alphabet, k=size))


def checked(random: Random) -> str:
    """30 characters and their CRC-32 in base 62, as GitHub and npm document it."""
    body = drawn(random, LETTERS, 30)
    number, digits = zlib.crc32(body.encode()), ""
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = alphabet[digit] + digits
    return body + digits


def whole(text: str) -> Planted:
    return Planted(text, text)


def secrets(seed: int = 0) -> dict[str, list[Planted]]:
    """Rule → examples that it must match."""
    random = Random(seed)

    def some(alphabet: str, size: int) -> str:
        return drawn(random, alphabet, size)

    key = "\n".join(some(LETTERS, 64) for _ in range(12))
    password, token = some(LETTERS, 12), some(URLSAFE, 40)
    basic = b64encode(f"user:{some(LETTERS, 8)}".encode()).decode().rstrip("=")
    return {
        "aws-access-key-id": [whole(prefix + some(UPPER, 16)) for prefix in ("AK" + "IA", "AS" + "IA")],
        "github-token": [
            whole(f"gh{kind}_" + token) for kind in "pousr" for token in (checked(random), some(LETTERS, 251))
        ],
        "github-fine-grained-token": [whole("github" + "_pat_" + some(LETTERS, 22) + "_" + some(LETTERS, 59))],
        "gitlab-token": [whole("gl" + "pat-" + some(URLSAFE, size)) for size in (20, 51)],
        "slack-token": [whole(f"xox{kind}-" + some(string.digits, 10) + "-" + some(LETTERS, 24)) for kind in "abeoprs"],
        "stripe-key": [
            whole(f"{kind}_{mode}_" + some(LETTERS, 24)) for kind in ("sk", "rk") for mode in ("live", "test")
        ],
        "anthropic-key": [whole("sk-" + "ant-" + some(URLSAFE, 90))],
        "openai-key": [whole(f"sk-{kind}-" + some(URLSAFE, 60)) for kind in ("proj", "svcacct", "admin")],
        "google-api-key": [whole("AI" + "za" + some(URLSAFE, 35))],
        "npm-token": [whole("np" + "m_" + checked(random))],
        "pypi-token": [whole("pypi-" + "AgEIcHlwaS5vcmc" + some(URLSAFE, 120))],
        "jwt": [whole(f"eyJ{some(URLSAFE, 30)}.eyJ{some(URLSAFE, 80)}.{some(URLSAFE, 43)}")],
        "private-key": [
            whole(f"-----BEGIN {kind}PRIVATE KEY{block}-----\n{key}\n-----END {kind}PRIVATE KEY{block}-----")
            for kind, block in (("", ""), ("RSA ", ""), ("OPENSSH ", ""), ("ENCRYPTED ", ""), ("PGP ", " BLOCK"))
        ]
        + [Planted(f"-----BEGIN PRIVATE KEY-----\n{key}\n", key)],
        "url-password": [
            Planted(f"postgres://user:{password}@db.example:5432/x", password),
            Planted(f"https://:{password}@host", password),
        ],
        "bearer-token": [
            Planted(f"Authorization: Bearer {token}", token),
            Planted(f"bearer  {token}==", token),
            Planted(f"BEARER\t{token}", token),
        ],
        "basic-credentials": [
            Planted(f"Authorization: Basic {basic}==", basic),
            Planted(f'"authorization": "basic {basic}"', f"basic {basic}"),
            Planted(f"AUTHORIZATION=BASIC\t{basic}", basic),
        ],
    }


def look_alikes(seed: int = 0) -> dict[str, list[str]]:
    """Rule → text that comes close and that no rule may touch."""
    random = Random(seed)

    def some(alphabet: str, size: int) -> str:
        return drawn(random, alphabet, size)

    return {
        "aws-access-key-id": ["AK" + "IA" + some(UPPER, 15), "AK" + "IA" + some(UPPER, 17),
            "xAK" + "IA" + some(UPPER, 16)],
        "github-token": ["gh" + "p_" + some(LETTERS, 35), "gh" + "x_" + some(LETTERS, 36),
            "high" + "p_" + some(LETTERS, 36)],
        "github-fine-grained-token": ["github" + "_pat_" + some(LETTERS, 22) + "_" + some(LETTERS, 58)],
        "gitlab-token": ["gl" + "pat-" + some(LETTERS, 19), "_gl" + "pat-" + some(LETTERS, 20)],
        "slack-token": ["xo" + "xz-" + some(LETTERS, 24), "xo" + "xb-" + some(LETTERS, 9)],
        "stripe-key": ["sk" + "_live_" + some(LETTERS, 15), "task" + "_live_" + some(LETTERS, 24)],
        "anthropic-key": ["sk-" + "ant-" + some(LETTERS, 19)],
        "openai-key": ["sk-" + "proj-" + some(LETTERS, 19), "risk-" + "proj-" + some(LETTERS, 60)],
        "google-api-key": ["AI" + "za" + some(LETTERS, 34), "AI" + "za" + some(LETTERS, 36)],
        "npm-token": ["np" + "m_" + some(LETTERS, 35), "np" + "m_" + some(LETTERS, 37), "np" + "m_config_registry"],
        "pypi-token": ["pypi-" + "AgEIcHlwaS5vcmc" + some(LETTERS, 49), "pypi-" + some(LETTERS, 120)],
        "jwt": [f"eyJ{some(LETTERS, 30)}.eyJ{some(LETTERS, 30)}",
            f"eyJ{some(LETTERS, 9)}.eyJ{some(LETTERS, 30)}.{some(LETTERS, 9)}"],
        "private-key": ["-----BEGIN " + "PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
            "a PRIVATE KEY is kept elsewhere"],
        "url-password": ["https://host:8080/path", "https://user@host/", "see http://a/b:c@d", "a://b", "mailto:x:y@z"],
        "bearer-token": ["Bearer of bad news", "the bearer is entitled", "Bearer\n" + some(LETTERS, 30)],
        "basic-credentials": ["Authorization: Basic", "basic " + some(LETTERS, 30),
            "authorizations digest " + some(LETTERS, 30)],
    }  # fmt: skip
