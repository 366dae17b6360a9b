"""The corpus of the example: Python's language reference as Python itself ships it, cut into passages, and a search.

Every interpreter has it (`pydoc_data.topics`, the texts behind `help()`), so there is nothing to download. Its version
is that of the interpreter, and the digest of all passages tells two apart.

The search is Okapi BM25 (Robertson and Zaragoza, 2009) with k1 = 1.5 and b = 0.75, exact and without an index on disk.
"""

import hashlib
import math
import platform
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pydoc_data.topics import topics

NAME = "python-language-reference"
MIN_CHARACTERS = 80
K1 = 1.5
B = 0.75
_WORD = re.compile(r"[a-z][a-z_]+|[0-9]+")
_RULE = re.compile(r"[*=~^\"'-]{3,}")
_COMMON = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "be", "by", "do", "does", "for", "from", "has", "have", "how", "if"),
        *("in", "is", "it", "its", "not", "of", "on", "or", "that", "the", "then", "there", "these", "this", "to"),
        *("was", "what", "when", "where", "which", "who", "with", "you", "your"),
    )
)


@dataclass(frozen=True)
class Passage:
    """A paragraph of a topic: `topic#N`, and where it stands in the topic's text."""

    id: str
    topic: str
    start: int
    end: int
    text: str


def words(text: str) -> list[str]:
    """The words of a text that say something, in lower case, without a plural's `s`."""
    found = (word for word in _WORD.findall(text.lower()) if word not in _COMMON)
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found]


@cache
def passages() -> tuple[Passage, ...]:
    """All passages, in the order of topics and of their texts."""
    return tuple(passage for topic in sorted(topics) for passage in _paragraphs(topic, topics[topic]))


def version() -> str:
    """Which corpus this is: the interpreter's version, and the beginning of a digest of all passages."""
    digest = hashlib.sha256()
    for passage in passages():
        digest.update(f"{passage.id}\0{passage.text}\0".encode())
    return f"{platform.python_version()}+{digest.hexdigest()[:12]}"


def search(query: str, count: int) -> list[tuple[Passage, float]]:
    """The best passages for a query with their scores, best first; passages that share no word are left out."""
    index = _index()
    scores: dict[int, float] = {}
    for word in set(words(query)):
        holders = index.holders.get(word, {})
        weight = math.log(1 + (len(index.lengths) - len(holders) + 0.5) / (len(holders) + 0.5))
        for number, times in holders.items():
            length = 1 - B + B * index.lengths[number] / index.mean_length
            scores[number] = scores.get(number, 0.0) + weight * times * (K1 + 1) / (times + K1 * length)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:count]
    return [(passages()[number], round(score, 4)) for number, score in best]


@dataclass(frozen=True)
class _Index:
    holders: dict[str, dict[int, int]]
    lengths: list[int]
    mean_length: float


@cache
def _index() -> _Index:
    holders: dict[str, dict[int, int]] = {}
    lengths = []
    for number, passage in enumerate(passages()):
        counted = Counter(words(f"{passage.topic} {passage.text}"))
        lengths.append(sum(counted.values()))
        for word, times in counted.items():
            holders.setdefault(word, {})[number] = times
    return _Index(holders, lengths, sum(lengths) / len(lengths))


def _paragraphs(topic: str, text: str) -> Iterator[Passage]:
    start = 0
    for piece in re.split(r"(\n\s*\n)", text):
        end = start + len(piece)
        told = " ".join(piece.split())
        if len(told) >= MIN_CHARACTERS and not _RULE.fullmatch(told):
            yield Passage(f"{topic}#{start}", topic, start, end, told)
        start = end
