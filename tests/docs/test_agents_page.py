"""The guide to recording an agent: what it says that a call costs is what the bench has measured."""

from __future__ import annotations

from itertools import pairwise

from .pages import rows, sections

TOLD = ("runstone", "runstone:block", "runstone:ruled", "otel:batch", "otel:file", "inspect", "langsmith")


def test_the_cost_of_a_call_is_the_benchs() -> None:
    """Each figure is that of its row, in whole microseconds, and no other figure is there."""
    table = sections("bench/RESULTS.md")["Record one call of a tool"]
    measured = {name.strip("*"): round(float(us)) for name, us, *_ in rows(table)}
    words = sections("docs/agents.md")["What it costs"].split()
    told = [word for word, unit in pairwise(words) if unit.startswith("µs")]
    assert sorted(told) == sorted(str(measured[name]) for name in TOLD)
