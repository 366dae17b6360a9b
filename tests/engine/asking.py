"""Queries as a test makes them: the text that a store is asked, and what a run must be to be in the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import strategies as st

from runstone.core.times import parse_time

from .brute_force import HIDDEN, Seen, listed

KINDS = ("load", "train", "a*b")
LABELS = {"env": ("prod", "dev"), "my key": ("10 %", "a, b", "prod")}
NAMES = ("golden", "may final", "x*")
ALIASES = ("prod", "best")
METRICS = (-1, 0.5, 1.0, 2e17, "NaN")
SCORES = (0.25, 0.75, 1)
LINES = ("connection refused", "refused connection", "all is well", "the END of it")
DIGESTS = tuple(mark * 64 for mark in "abc")
FILES = ("prices.csv", "model.bin")
SETTINGS = ({"lr": 0.1}, {"lr": 1, "deep": {"x": "prod"}}, {"deep": {"x": None}, "list": [1, "two"]})
STATUSES = ("success", "failed", "partial", "cancelled", "interrupted", "running", "damaged")
SECONDS = ("2026-01-02T03:04:05", "2026-01-02T03:04:08", "2026-01-02T03:05")

Fits = Callable[[Seen], bool]


@dataclasses.dataclass(frozen=True)
class Asked:
    """A query: its text, and the runs that are its answer, in order."""

    text: str
    fits: tuple[Fits, ...]
    names_kind: bool
    key: Callable[[Seen], Any] | None
    down: bool

    def answer(self, runs: dict[str, Seen]) -> list[Seen]:
        """The runs that fit, in the order of the query."""
        return listed(runs.values(), self._fits, self.key, down=self.down)

    def _fits(self, run: Seen) -> bool:
        return (self.names_kind or run.kind not in HIDDEN) and all(fits(run) for fits in self.fits)


@dataclasses.dataclass(frozen=True)
class Term:
    """One term of a query."""

    text: str
    fits: Fits
    names_kind: bool = False

    def negated(self) -> Term:
        """The same with a `-` before it, which names no kind."""
        return Term(f"-{self.text}", lambda run: not self.fits(run))


@dataclasses.dataclass(frozen=True)
class Order:
    """What an answer is sorted by; `oldest` first is the one order in which runs of the same time turn round too."""

    text: str = ""
    key: Callable[[Seen], Any] | None = None
    down: bool = True


def number(value: Any) -> float | None:
    """The number that a value is; `NaN` and infinities are text."""
    return None if isinstance(value, (str, bool)) or value is None else float(value)


def over(field: Callable[[Seen], Any], sign: str, bound: float) -> Fits:
    """Whether a run has a number on that side of a bound."""
    holds: Callable[[float], bool] = {
        "<": lambda found: found < bound,
        "<=": lambda found: found <= bound,
        ">": lambda found: found > bound,
        ">=": lambda found: found >= bound,
    }[sign]

    def fits(run: Seen) -> bool:
        found = number(field(run))
        return found is not None and holds(found)

    return fits


def setting(run: Seen, *path: str) -> Any:
    """A value of the configuration, `absent` where there is none."""
    found = run.config
    for name in path:
        found = found.get(name, "absent") if isinstance(found, dict) else "absent"
    return found


def quoted(text: str) -> str:
    """Text in quotes, where a star is a star."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def opened_us(run: Seen) -> float | None:
    """When a run was opened."""
    return None if run.opened_at is None else parse_time(run.opened_at)


def _moment(text: str) -> int:
    return parse_time(text + "2026-01-01T00:00:00.000000Z"[len(text) :])


def _names(ids: list[str]) -> st.SearchStrategy[Term]:
    """Terms that name a run, of this store or of none."""
    some = st.sampled_from([*ids, "nobody"])
    relation = st.sampled_from(["child-of", "amends", "derives-from", "retries"])
    return st.one_of(
        some.map(lambda name: Term(f"id:{name}", lambda run: run.run_id == name, names_kind=True)),
        some.map(lambda name: Term(f"id:{name[:2]}*", lambda run: run.run_id.startswith(name[:2]), names_kind=True)),
        st.builds(
            lambda rel, name: Term(
                f"link.{rel}:{name}",
                lambda run: any((link["rel"], link["run_id"]) == (rel, name) for link in run.links),
            ),
            relation,
            some,
        ),
    )


def _words() -> st.SearchStrategy[Term]:
    phrases = ("connection refused", "refused", "all is", "the end", "prod", "env dev", "golden", "10", "well")
    return st.sampled_from(phrases).map(lambda phrase: Term(f'"{phrase}"', lambda run: run.says(phrase)))


def _texts() -> st.SearchStrategy[Term]:
    """Terms for what is text by name."""
    label = st.sampled_from([(name, value) for name, values in LABELS.items() for value in values])
    every = st.sampled_from(["kind:*", "kind:annotation,judge"])
    wanted = {"kind:*": ("*",), "kind:annotation,judge": HIDDEN}
    return st.one_of(
        st.sampled_from(KINDS).map(lambda kind: Term(f"kind:{quoted(kind)}", lambda run: run.kind == kind, True)),
        every.map(
            lambda text: Term(
                text,
                lambda run: run.kind is not None and any(fnmatchcase(run.kind, one) for one in wanted[text]),
                names_kind=True,
            )
        ),
        st.sampled_from(STATUSES).map(lambda status: Term(f"status:{status}", lambda run: run.status == status)),
        st.just(Term("status:*ed,success", lambda run: run.status.endswith("ed") or run.status == "success")),
        label.map(
            lambda one: Term(f"label.{quoted(one[0])}:{quoted(one[1])}", lambda run: run.labels.get(one[0]) == one[1])
        ),
        st.just(Term("label.env:*", lambda run: "env" in run.labels)),
        st.sampled_from(NAMES).map(lambda name: Term(f"name:{quoted(name)}", lambda run: run.name == name)),
        st.sampled_from(ALIASES).map(lambda alias: Term(f"alias:{alias}", lambda run: alias in run.aliases)),
        st.just(Term("alias:*", lambda run: bool(run.aliases))),
        st.sampled_from(["pass", "fail"]).map(
            lambda status: Term(f"check.rows:{status}", lambda run: run.checks.get("rows") == status)
        ),
    )


def _numbers() -> st.SearchStrategy[Term]:
    signs = st.sampled_from(["<", "<=", ">", ">="])
    return st.one_of(
        st.builds(
            lambda sign, bound: Term(
                f"metric.loss{sign}{bound}", over(lambda run: run.metrics.get("loss"), sign, bound)
            ),
            signs,
            st.sampled_from([0.5, 1, 3e17]),
        ),
        st.just(Term("metric.loss:NaN", lambda run: run.metrics.get("loss") == "NaN")),
        st.just(Term("metric.loss:1.00", lambda run: number(run.metrics.get("loss")) == 1)),
        st.builds(
            lambda sign, bound: Term(
                f"score.quality{sign}{bound}", over(lambda run: run.scores.get("quality"), sign, bound)
            ),
            signs,
            st.sampled_from(SCORES),
        ),
        st.just(Term("config./lr>0.05", over(lambda run: setting(run, "lr"), ">", 0.05))),
        st.just(Term("config./lr:0.10", lambda run: setting(run, "lr") == 0.1)),
        st.just(Term("config./deep/x:p*", lambda run: str(setting(run, "deep", "x")).startswith("p"))),
        st.just(Term("config./deep/x:null", lambda run: setting(run, "deep", "x") is None)),
        st.just(Term("duration>=2", over(lambda run: run.duration_ms, ">=", 2000))),
        st.sampled_from(SECONDS).map(
            lambda text: Term(f"since:{text}", lambda run: (opened_us(run) or -1) >= _moment(text))
        ),
        st.sampled_from(SECONDS).map(
            lambda text: Term(
                f"until:{text}", lambda run: run.opened_at is not None and (opened_us(run) or 0) < _moment(text)
            )
        ),
    )


def _artifacts() -> st.SearchStrategy[Term]:
    def term(field: str, name: str, sha256: str | None) -> Term:
        wanted = (lambda one: one[0] == name) if sha256 is None else (lambda one: one[2] == sha256)
        value = name if sha256 is None else f"sha256:{sha256}"
        return Term(f"{field}:{value}", lambda run: any(wanted(one) for one in getattr(run, f"{field}s")))

    return st.builds(
        term, st.sampled_from(["input", "output"]), st.sampled_from(FILES), st.none() | st.sampled_from(DIGESTS)
    )


ORDERS = (
    Order(),
    Order(),
    Order("sort:-opened"),
    Order("sort:kind", lambda run: run.kind, down=False),
    Order("sort:-status", lambda run: run.status),
    Order("sort:name", lambda run: run.name, down=False),
    Order("sort:-name", lambda run: run.name),
    Order("sort:metric.loss", lambda run: number(run.metrics.get("loss")), down=False),
    Order("sort:-score.quality", lambda run: number(run.scores.get("quality"))),
    Order("sort:duration", lambda run: run.duration_ms, down=False),
)


def queries(ids: list[str]) -> st.SearchStrategy[Asked]:
    """Queries of up to three terms, some negated, in some order, about a store with these runs."""

    def asked(terms: list[tuple[Term, bool]], order: Order) -> Asked:
        given = [term.negated() if negate else term for term, negate in terms]
        text = " ".join([*(term.text for term in given), order.text])
        names_kind = any(term.names_kind for term in given)
        return Asked(text, tuple(term.fits for term in given), names_kind, order.key, order.down)

    term = st.one_of(_names(ids), _texts(), _words(), _numbers(), _artifacts())
    negate = st.sampled_from([False, False, True])
    return st.builds(asked, st.lists(st.tuples(term, negate), max_size=3), st.sampled_from(ORDERS))


def _simple(term: Term, order: Order = ORDERS[0]) -> Asked:
    return Asked(f"{term.text} {order.text}", (term.fits,), term.names_kind, order.key, order.down)


SAID = tuple(
    _simple(term)
    for term in (
        *(
            Term(f'"{words}"', lambda run, words=words: run.says(words))
            for words in ("env prod", "env dev", "golden", "best")
        ),
        *(Term(f"alias:{alias}", lambda run, alias=alias: alias in run.aliases) for alias in ALIASES),
        Term("label.env:*", lambda run: "env" in run.labels),
        Term("-name:golden,x*", lambda run: not (run.name == "golden" or str(run.name).startswith("x"))),
        Term("-kind:load", lambda run: run.kind != "load"),
    )
)
"""Queries about what is said of runs afterwards."""
