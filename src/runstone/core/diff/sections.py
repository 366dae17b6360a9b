"""What differs between two runs, section by section, in the order in which an answer tells it.

- Each section yields only what differs.
- `outcome` of a difference is exact: the outcome digests of two runs differ if and only if some difference has it.
  So each section that the digest covers compares what the digest covers first, by the same rule.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.diff.artifacts import inputs, outputs
from runstone.core.diff.configuration import config, config_sources
from runstone.core.diff.difference import ABSENT, Difference
from runstone.core.diff.facts import Call
from runstone.core.diff.judged import checks, decision, rules, samples, scores
from runstone.core.diff.pairing import matched, paired
from runstone.core.diff.values import equal, value_differences
from runstone.core.outcome import contract_major

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

    from runstone.core.diff.facts import RunFacts

    Section = Callable[[RunFacts, RunFacts], Iterator[Difference]]


def run(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """Kind, version, contract, status, exit status; and of an imported run what it was imported from."""
    for name, left, right in (
        ("kind", a.opened["kind"], b.opened["kind"]),
        ("version", a.opened["version"], b.opened["version"]),
        ("status", a.closed["status"], b.closed["status"]),
        ("exit", a.closed["exit"], b.closed["exit"]),
    ):
        if left != right:
            yield Difference("run", name, left, right, outcome=True, numbers=_NO_NUMBERS)
    contract, other = a.opened["contract"], b.opened["contract"]
    texts = [f"{named['name']}/{named['version']}" for named in (contract, other)]
    if texts[0] != texts[1]:
        yield Difference("run", "contract", *texts, outcome=contract_major(contract) != contract_major(other))
    yield from _members("run", "imported", a.opened.get("imported", ABSENT), b.opened.get("imported", ABSENT))


_NO_NUMBERS: Final = (None, None)
"""An exit status is no measure: 2 is not twice 1."""


def _members(section: str, name: str, a: Any, b: Any) -> Iterator[Difference]:
    """An object by its places, each named by its JSON Pointer behind `name`."""
    for at, left, right in value_differences(a, b):
        yield Difference(section, name + at, left, right, numbers=_NO_NUMBERS)


def command(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """What was started, and where."""
    for name in ("argv", "cwd", "entry"):
        if a.opened[name] != b.opened[name]:
            yield Difference("command", name, a.opened[name], b.opened[name])


def git(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """Commit, ref, and whether the working tree was changed."""
    yield from _members("git", "git", a.git, b.git)


def environment(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """Machine, interpreter, the program that recorded, the rules of redaction."""
    for name in ("platform", "generator", "ruleset"):
        yield from _members("environment", name, a.opened[name], b.opened[name])


def labels(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """By name."""
    for name in sorted(a.labels.keys() | b.labels.keys()):
        left, right = a.labels.get(name, ABSENT), b.labels.get(name, ABSENT)
        if left != right:
            yield Difference("labels", name, left, right)


def links(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """Links to other runs, by relation."""
    _, left, right = matched(a.opened["links"], b.opened["links"], canonical_bytes)
    for relation, one, other in paired(left, right, _relation):
        yield Difference("links", relation, _target(one), _target(other))


def _relation(link: Any) -> str:
    return str(link["rel"])


def _target(link: Any) -> Any:
    return link if link is ABSENT else {"run_id": link["run_id"], "digest": link["digest"]}


def metrics(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """By name: last, least, greatest, how many; `difference` is of the last values."""
    for name in sorted(a.metrics.keys() | b.metrics.keys()):
        left, right = a.metrics.get(name, ABSENT), b.metrics.get(name, ABSENT)
        if not equal(left, right):
            last = (None, None) if ABSENT in (left, right) else (left["last"], right["last"])
            yield Difference("metrics", name, left, right, numbers=last)


def tools(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """Calls of one side alone, in order, paired by the tool's name; without any, where the order differs first."""
    _, left, right = matched(a.calls, b.calls, Call.key)
    found = list(paired(left, right, lambda call: call.name))
    for name, *calls in sorted(found, key=lambda row: min(call.line for call in row[1:] if call is not ABSENT)):
        yield Difference("tools", name, *(call if call is ABSENT else call.as_dict() for call in calls), outcome=True)
    if not found:
        for one, other in zip(a.calls, b.calls, strict=True):
            if one.key() != other.key():
                sides = [{"name": call.name, **call.as_dict()} for call in (one, other)]
                yield Difference("tools", "order", *sides)
                return


def result(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """What the runs returned, by JSON Pointer; null is no result."""
    for at, left, right in value_differences(a.closed["result"], b.closed["result"]):
        yield Difference("result", at, left, right, outcome=True)


def error(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """What the runs failed with, by JSON Pointer."""
    yield from _members("error", "", a.closed["error"], b.closed["error"])


def recorded(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """How many events of each type there are, pieces of output apart, and what was lost, dropped and redacted."""
    counts, others = a.counts(), b.counts()
    for name in sorted(counts.keys() | others.keys()):
        left, right = counts.get(name, 0), others.get(name, 0)
        if left != right:
            yield Difference("recorded", name, left, right)
    for name in ("redactions", "dropped", "torn_bytes", "lost"):
        if a.closed[name] != b.closed[name]:
            yield Difference("recorded", name, a.closed[name], b.closed[name])


NAMES: Final = (
    "run", "config", "config sources", "inputs", "outputs", "content", "checks", "decision", "rules", "scores",
    "samples", "metrics", "tools", "result", "error", "command", "git", "environment", "labels", "links", "recorded",
    "journal",
)  # fmt: skip
"""Every section that a difference can be of, in the order in which they are told."""

SECTIONS: Final[tuple[Section, ...]] = (
    run, config, config_sources, inputs, outputs, checks, decision, rules, scores, samples, metrics, tools,
    result, error, command, git, environment, labels, links, recorded,
)  # fmt: skip
