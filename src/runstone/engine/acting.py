"""What a run tells of who acts in it: tools and models that are called, what rules over them, what was retrieved, and
how good it was.

Here is what the words mean; what happens is in the modules that they import when they are first used: most runs never
say any of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runstone.core.judgement.verdict import Verdict
    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run


class Acting:
    """The methods of `Run` that an agent's run has use for."""

    _cites = False  # something was cited: the end of the run will check it

    def evidence(self, query: Any, passages: Iterable[Any], *, corpus: str, version: str | None = None) -> list[str]:
        """Record a retrieval: what was asked of which collection, and the passages that were found.

        A passage is a mapping or object with some of `id`, `source`, `span` (start and end, or a pair), `score` and
        `text` (or `content`, `page_content`), or its text alone, or a pair of one of these and its score. Of a text the
        SHA-256 and the size are recorded, never the text; instead of it there may be `sha256` and `bytes`. The answer
        are the passages' ids, by which they are cited: where one has none, its `sha256`. `passages` is a list: what
        can be read but once is refused, as recording would use it up.
        """
        from runstone.engine.retrieval import record_evidence

        return record_evidence(_whole(self), query, passages, corpus, version)

    def cite(self, ids: str | Iterable[str]) -> None:
        """Record that passages were used, by their ids.

        When the run ends, the check `citations_retrieved` says whether all that was cited had been retrieved in this
        run, before or after.
        """
        from runstone.engine.retrieval import check_at_end, record_citation

        record_citation(_whole(self), ids)
        if not self._cites:
            self._cites = True
            check_at_end(_whole(self))

    def score(
        self,
        name: str,
        value: float | None = None,
        *,
        samples: Any = None,
        direction: str = "higher",
        unit: str | None = None,
        threshold: float | None = None,
        confidence: float = 0.95,
    ) -> None:
        """Record how good the run was, by a measure: a number, or samples whose mean it is.

        `samples` are a mapping of values by id, a list of mappings with `id`, `value` and whatever else, of pairs, or
        of values, which are numbered. A value is a number, true and false, or `None` for a sample that has none and
        does not count. Values of one id are tries of one sample, which counts once, by their mean. With `value` left
        out the record has the mean of the samples and a bootstrap interval of it at `confidence`.

        `direction` says what is better, `higher` or `lower`; `threshold` what is good enough.
        """
        from runstone.engine.scoring import record_score

        facts = {"direction": direction, "unit": unit, "threshold": threshold, "confidence": confidence}
        record_score(_whole(self), name, value, samples, facts)

    def judge(self, *rules: str, baseline: str | Sealed | None = None) -> Verdict:
        """The verdict on what was recorded until now, beside a baseline where there is one; it is recorded in this run.

        Rules are texts as `min score.accuracy:-1%`, `meet scores`, `cited`, `require check.rows`. The baseline is what
        `Store.get` takes, or a `Sealed`. The verdict is true where every rule passed; it changes nothing of how the
        run ends. A gate is strict, whatever the run is: raises `invalid_option` for a rule that is none and without
        any, `store_unavailable` where it cannot be recorded, errors as `Store.get`, `bundle_damaged`.
        """
        from runstone.engine.release import judge_open

        return judge_open(_whole(self), rules, baseline)


def _whole(acting: Acting) -> Run:
    return acting  # type: ignore[return-value]  # `Run` is the one class that is made of it
