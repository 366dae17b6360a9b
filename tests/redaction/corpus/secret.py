"""A secret, a kind of secrets, and what rows of the tables are written with.

- A row says what stands in a token one after the other: text, `(alphabet, count)`, or a function of the `Random`.
- Prefixes stand apart from what follows them, so that no line of a table is a token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple
from urllib.parse import quote

from . import making
from .making import b64, draw


class Secret(NamedTuple):
    """A value as it is planted, and the parts of it that must not be readable afterwards."""

    text: str
    hidden: tuple[str, ...]


Make = Callable[[Random], Secret]
Part = str | tuple[str, int] | Callable[[Random], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of secret; `names` are fitting names for it, in snake case, where only a name tells."""

    id: str
    about: str
    by: Literal["shape", "name"]
    make: Make
    names: tuple[str, ...] = ("value", "item", "entry", "field", "data")
    rare: bool = False
    """Few people hold one: what is found of these tells whether rules reach further than the well-known names."""


def written(random: Random, *parts: Part) -> str:
    """Parts one after the other: text as it stands, `(alphabet, count)` drawn, a function called."""
    return "".join(p if isinstance(p, str) else draw(random, *p) if isinstance(p, tuple) else p(random) for p in parts)


def made(prefix: str, *parts: Part) -> Make:
    """A token that begins with `prefix`; all behind it is secret."""

    def make(random: Random) -> Secret:
        rest = written(random, *parts)
        return Secret(prefix + rest, (rest,))

    return make


def around(*parts: Part | list[Part]) -> Make:
    """A phrase of which only what stands in lists is secret."""

    def make(random: Random) -> Secret:
        text, hidden = "", []
        for part in parts:
            piece = written(random, *part) if isinstance(part, list) else written(random, part)
            text += piece
            if isinstance(part, list):
                hidden.append(piece)
        return Secret(text, tuple(hidden))

    return make


def block(build: Callable[[Random], tuple[str, list[str]]]) -> Make:
    """A text of several lines of which the body is secret."""

    def make(random: Random) -> Secret:
        text, lines = build(random)
        return Secret(text, tuple(lines))

    return make


def pem(label: str, build: Callable[[Random], bytes]) -> Make:
    """A PEM file."""
    return block(lambda random: making.pem(label, build(random)))


def crc(count: int) -> Callable[[Random], str]:
    """Letters and digits with their checksum."""
    return lambda random: making.with_crc(random, count)


def key(count: int) -> Callable[[Random], str]:
    """`count` random bytes in base64."""
    return lambda random: b64(random.randbytes(count))


def escaped_key(count: int) -> Callable[[Random], str]:
    """`count` random bytes in base64, as a URL spells them."""
    return lambda random: quote(b64(random.randbytes(count)), safe="")


def url_key(count: int) -> Callable[[Random], str]:
    """`count` random bytes in base64url."""
    return lambda random: making.b64url(random.randbytes(count))


def one_of(*words: str) -> Callable[[Random], str]:
    """One of the words."""
    return lambda random: random.choice(words)


def shape(id: str, about: str, make: Make) -> Kind:
    """A kind that is recognised by itself."""
    return Kind(id, about, "shape", make)


def rare(id: str, about: str, make: Make) -> Kind:
    """A kind that is recognised by itself and that few people hold."""
    return Kind(id, about, "shape", make, rare=True)
