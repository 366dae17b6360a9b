"""What a run retrieved and cited: passages by id, source, span, score, digest and size. Their text is not recorded.

- That citations were retrieved is checked once, when the run ends: what is cited may be retrieved later, or in another
  thread, and one check says it of all. The check is a fold of the journal, as the evidence manifest is: both see ids
  as they are recorded.
- A run cites what it retrieved itself; passages of its parents and children are theirs.
"""

from __future__ import annotations

from runstone.core.digests import sha256_hex
from runstone.core.evaluation.citations import CHECK_ID, CHECK_NAME, citations_of
from runstone.core.words import SUCCESS
from runstone.engine import facts as told
from runstone.engine.so_far import BLANK, journal_so_far
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.engine.recorder import Run

MAX_NAMED: Final = 20
"""Ids that the failed check names; the journal has all."""

_TEXTS: Final = ("text", "content", "page_content")
"""Where the text of a passage may stand, in a mapping or as an attribute."""
_FIELDS: Final = ("id", "source", "span", "score", "sha256", "bytes", "metadata", *_TEXTS)


def record_evidence(run: Run, query: Any, passages: Any, corpus: Any, version: Any) -> list[str]:
    """Record a retrieval; answers the ids of its passages, by which they are cited."""
    try:
        found = passages_of(passages)
    except Exception as exc:  # whatever a foreign iterable raises
        run.writer.refuse("invalid_event", f"evidence: the passages cannot be read: {type(exc).__name__}")
        return []
    if found is None:
        run.writer.refuse("invalid_event", "evidence: the passages are no list, and would be used up by being recorded")
        return []
    data = {"query": query, "corpus": told.text_of(corpus), "passages": found}
    run.writer.record("evidence", {**data, "version": told.maybe_text(version)})
    return [passage["id"] for passage in found]


def passages_of(passages: Any) -> list[dict[str, Any]] | None:
    """Passages as they are recorded; `None` for what can be read but once."""
    if hasattr(passages, "__next__"):
        return None
    if isinstance(passages, (str, bytes, dict)) or not hasattr(passages, "__iter__"):
        passages = [passages]
    return [_passage(passage) for passage in passages]


def _passage(passage: Any) -> dict[str, Any]:
    """A passage: text, a mapping or an object with fields of these names, or a pair of one and its score."""
    score = None
    if isinstance(passage, tuple) and len(passage) == 2:
        passage, score = passage
    fields = _fields(passage)
    text = next((fields[name] for name in _TEXTS if isinstance(fields.get(name), (str, bytes))), None)
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    sha256 = told.maybe_text(fields.get("sha256")) if data is None else sha256_hex(data)
    size = fields.get("bytes") if data is None else len(data)
    score = fields.get("score") if score is None else score
    name = fields.get("id")
    return {
        "id": told.text_of(sha256 if name is None else name),
        "source": told.maybe_text(_source(fields)),
        "span": _span(fields.get("span")),
        "score": None if score is None else told.metric_number(score),
        "sha256": sha256,
        "bytes": size if type(size) is int else None,
    }


def _fields(passage: Any) -> dict[str, Any]:
    if isinstance(passage, (str, bytes)):
        return {"text": passage}
    try:
        return dict(passage)
    except Exception:  # no mapping: an object with attributes, each of which may raise anything
        return {name: _attribute(passage, name) for name in _FIELDS}


def _attribute(passage: Any, name: str) -> Any:
    try:
        return getattr(passage, name, None)
    except Exception:  # a foreign property
        return None


def _source(fields: Mapping[str, Any]) -> Any:
    """Its own, or the one that its metadata tell, as documents of LangChain do."""
    if fields.get("source") is not None:
        return fields["source"]
    metadata = fields.get("metadata")
    return metadata.get("source") if isinstance(metadata, dict) else None


def _span(span: Any) -> dict[str, int] | None:
    """From where to where, the end excluded; a pair, or a mapping with `start` and `end`."""
    try:
        start, end = (span["start"], span["end"]) if isinstance(span, dict) else span
        return {"start": int(start), "end": int(end)}
    except Exception:  # nothing, or no span
        return None


def record_citation(run: Run, ids: Any) -> None:
    """Record what was cited."""
    run.writer.record("citation", {"ids": told.texts_of(ids)})


def check_at_end(run: Run) -> None:
    """When the run ends, say whether what it cited had been retrieved. To be called once."""
    run.writer.at_end(lambda: _check(run))


def _check(run: Run) -> None:
    """Say whether all that was cited had been retrieved. Raises nothing: what ends with it must end as well."""
    try:
        journal = journal_so_far(run.writer, {**BLANK, "status": SUCCESS}) if run.recording else None
        if journal is not None:
            _record_check(run, citations_of(journal).not_retrieved)
    except (RunstoneError, OSError):  # no journal that can be read or written: the seal says so
        return


def _record_check(run: Run, missing: list[str]) -> None:
    named = [f"cited but not retrieved: {name}" for name in missing[:MAX_NAMED]]
    if len(missing) > MAX_NAMED:
        named.append(f"and {len(missing) - MAX_NAMED} more")
    run.check(CHECK_NAME, "fail" if missing else "pass", named, id=CHECK_ID)
