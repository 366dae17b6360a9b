"""Recipes of the twelve golden journals whose outcome object and digest are vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.format.good_bundles import SHA_A, SHA_B, answer, call, decide

from runstone.core.values import Foreign

if TYPE_CHECKING:
    from typing import Final

    from tests.format.good_bundles import Recipe
    from tests.format.surroundings import Surroundings

OUTCOMES: Final[dict[str, Recipe]] = {}
"""Name of the vector (and of its run) → recipe."""


def vector(recipe: Recipe) -> Recipe:
    """Register a recipe under its own name, numbered in order."""
    OUTCOMES[f"{len(OUTCOMES) + 1:02d}-{recipe.__name__.replace('_', '-')}"] = recipe
    return recipe


@vector
def nothing_happened(surroundings: Surroundings) -> None:
    """Every list is empty, everything that can be null is null."""
    surroundings.run().finish("success")


@vector
def what_is_left_out(surroundings: Surroundings) -> None:
    """Metrics, logs, times, labels, links, hosts, evidence and events of a caller's own: the digest of the first."""
    host = {"argv": ["other"], "cwd": "/elsewhere", "entry": None, "platform": {"system": "Other"}}
    links = [{"rel": "retries", "run_id": "run-1", "digest": None}]
    run = surroundings.run(labels={"a": "b"}, links=links, host=host)
    surroundings.clock.advance(3)
    run.log("a message")
    run.metrics({"loss": 0.5})
    run.note("a remark")
    run.event("evidence", {"query": "q", "corpus": "c", "passages": []})
    run.event("x.mine", {"a": 1})
    run.event("phase", {"name": "p", "status": "running"})
    run.finish("success", resources={"cpu_s": 1.5})


@vector
def configuration(surroundings: Surroundings) -> None:
    """The last `config` counts, without what its volatile pointers name; an element of an array becomes null."""
    run = surroundings.run(config={"first": "does not count"})
    value = {"a/b": {"~": 1, "c": 2}, "list": [{"x": 1}, "volatile", {"x": 2, "y": 3}], "kept": None}
    volatile = ["/a~1b/~0", "/list/1", "/list/2/x", "/not/there", "/list/9", "not a pointer"]
    run.config(value, volatile=volatile)
    run.finish("success")


@vector
def configuration_is_null(surroundings: Surroundings) -> None:
    """A configuration that is null has a digest; no configuration has none."""
    run = surroundings.run()
    run.config(None)
    run.finish("success")


@vector
def inputs_and_outputs(surroundings: Surroundings) -> None:
    """Sorted by canonical bytes, duplicates kept; `ref` stands only where there is no digest."""
    run = surroundings.run()
    run.input("table", "z.prices", name="z", sha256=SHA_B, size=3)
    run.input("table", "s3://bucket/a", name="a")
    run.input("table", "s3://bucket/a", name="a")
    run.input("file", None, name="B", sha256=SHA_A)
    run.output("table", "é", name="é", sha256=SHA_A)
    run.output("table", "😀", name="😀", sha256=SHA_A)
    run.output("table", "\ue000", name="\ue000", sha256=SHA_A)
    run.output("api", None)
    run.finish("success")


@vector
def checks(surroundings: Surroundings) -> None:
    """Sorted pairs of id and status; names and evidence are left out."""
    run = surroundings.run(version="1.0")
    run.check("rows", "pass", evidence="looked at by eye")
    run.check("Rows", "pass")
    run.check("gaps", "skip")
    run.check("a b", "fail", id="a b")
    run.finish()


@vector
def decision(surroundings: Surroundings) -> None:
    """The last decision without a call; rules are sorted, warnings keep their order."""
    run = surroundings.run("gate")
    decide(run, outcome="allow")
    rule = {"severity": "hard", "unit": "mm"}
    rules = [
        {"id": "z", "status": "pass", "reason_code": None, "measured": 1.5, "threshold": 2, **rule},
        {"id": "a", "status": "fail", "reason_code": "TOO_DEEP", "measured": "12.0", "threshold": "10.0", **rule},
        {"id": "incomplete"},
    ]
    policy = {"name": "p", "version": "1", "sha256": SHA_A}
    verdict = {"outcome": "block", "risk_level": "RED", "score": 0.25, "block_reason": "too deep"}
    decide(run, **verdict, warnings=["z", "a", "z"], rules=rules, policy=policy, details={"left": "out"})
    decide(run, call="c1", outcome="allow")
    run.finish("blocked")


@vector
def foreign_details(surroundings: Surroundings) -> None:
    """Foreign JSON counts as it is recorded: as text."""
    run = surroundings.run("gate")
    decide(run, outcome="allow", score=Foreign(1.0, "py-compact-utf8"))
    run.finish("success", result=Foreign({"b": 2.0, "a": 1}, "py-compact-ascii"))


@vector
def tools(surroundings: Surroundings) -> None:
    """Each call by name and the digests of its arguments and result; one without an answer is `open`."""
    run = surroundings.run("agent")
    call(run, "c1", name="search", args={"q": "x"})
    call(run, "c2", name="search", args={"q": "x"}, parent="c1")
    answer(run, "c2", result=None)
    answer(run, "c1", result=[1, 2])
    call(run, "c1", name="the id is taken", args=None)
    call(run, "c3", name="write", args=None)
    call(run, "c4", name="fail", args=[])
    answer(run, "c4", status="error", error={"type": "Timeout"})
    answer(run, "c5", result="nobody asked")
    run.finish("failed")


@vector
def scores(surroundings: Surroundings) -> None:
    """Pairs of name and value, the three texts that stand for numbers included."""
    run = surroundings.run("evaluation")
    run.event("score", {"name": "accuracy", "value": 0.875})
    run.event("score", {"name": "accuracy", "value": 1})
    run.event("score", {"name": "perplexity", "value": "Infinity"})
    run.event("score", {"name": "total", "value": 1e21})
    run.finish("partial")


@vector
def result_and_exit(surroundings: Surroundings) -> None:
    """The result's digest is over its canonical bytes; the exit status stands as it is."""
    run = surroundings.run("command")
    run.finish("failed", exit=137, error={"message": "left out"}, result={"rows": [1e17, 0.1, "é"]})


@vector
def another_contract(surroundings: Surroundings) -> None:
    """Only the contract's name and major version count."""
    surroundings.run(contract="elsewhere/7.2").finish("cancelled")
