"""Import run artifacts that another writer left: a folder `<date>/<run_id>.json`, or one file `{run_id: run}`.

- Every run is read and proved before one is imported. The original's bytes are kept as they are, unredacted.
- Nothing of the import enters a run: the same original gives the same digest, and importing it again changes nothing.
- The document is the original, key by key, so where that stands at its place already, it is the published copy if it
  was printed as this contract prints it; any other bytes there are a conflict, and nothing is imported.
"""

from __future__ import annotations

import os
from contextlib import closing

from runstone.contracts.rmos import layout
from runstone.contracts.rmos.document import NAME, PROFILE, VERSION, mode_of, part_of
from runstone.contracts.rmos.original import Original, originals, originals_of_file, started
from runstone.contracts.rmos.writing import KERNEL_STATUSES, decision_event, short_label, taken
from runstone.core.digests import is_sha256, sha256_hex
from runstone.core.foreign import foreign_object
from runstone.core.media import media_type
from runstone.core.printing import print_json
from runstone.core.values import Foreign
from runstone.engine.importer import ForeignRun, import_foreign, original_fact, prove_foreign, refuse_own
from runstone.engine.publishing import publisher_of
from runstone.locate import open_bundle, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.core.digests import Digest
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.store import Store
    from runstone.ports.objects import Committed

FORMAT: Final = "rmos-run-artifact"


def import_runs(path: str | os.PathLike[str], store: Store) -> list[tuple[str, Digest, Committed]]:
    """Import every run at `path`; answers run id, run digest and whether it was there, for each.

    Raises `file_not_found`, `invalid_archive` with the place of the fault, also where two runs have one id,
    `too_large`, `inside_own_store`, `published_conflict` where a document's place is taken, and `run_exists` with the
    place of the run whose id another one has.
    """
    found = _originals(os.fspath(path), store)
    redactor, contract = store.redactor(), store.contract_of(NAME, VERSION)
    runs = [_foreign(original, redactor) for original in found]
    prove_foreign(runs, store.objects, store.journals, contract, redactor)
    for original in found:
        _check_place(original, store)
    imported = []
    for run in runs:
        publisher_of(store).begin(contract)
        done = import_foreign(run, store.objects, contract, redactor)
        publisher_of(store).publish(done[0])
        imported.append(done)
    return imported


def _originals(place: str, store: Store) -> list[Original]:
    if os.path.isfile(place) and place.endswith(".json"):
        return list(originals_of_file(read_file(place), place))
    refuse_own(place, store.url)
    with closing(open_bundle(place)) as bundle:
        return list(originals(bundle))


def _check_place(original: Original, store: Store) -> None:
    """Refuse a run whose document's place is taken by other bytes than the document will have."""
    ts = started(original.value)
    assert ts is not None
    place = layout.place(original.value["run_id"], ts)
    standing = store.journals.published.read(place)
    if standing is not None and b"".join(standing) != _clean(original, store):
        raise taken(store, place)


def _clean(original: Original, store: Store) -> bytes:
    """The document as it will be."""
    clean = store.redactor().tree({"document": Foreign(original.value, PROFILE)}, [])
    return print_json(foreign_object(clean["document"]), PROFILE)


def _foreign(original: Original, redactor: Redactor) -> ForeignRun:
    value = original.value
    ts = started(value)
    assert ts is not None
    files = {original.name: original.body, **original.files}
    facts: list[tuple[str, dict[str, Any]]] = [
        *(("input", original_fact(name, body)) for name, body in sorted(files.items())),
        *(("output", fact) for fact in _gcode(value)),
        (layout.ARTIFACT, {"document": Foreign(value, PROFILE)}),
        ("decision", decision_event(value)),
    ]
    return ForeignRun(
        _opened(original, redactor),
        facts,
        _closed(value),
        started=ts,
        ended=ts,
        originals=files,
        places=[original.place] * (len(facts) + 1),
    )


def _gcode(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The G-code that a run says it made: by its own bytes where they stand in it, else by the hash that it tells."""
    text, hashes = part_of(value, "outputs").get("gcode_text"), part_of(value, "hashes")
    told = hashes.get("gcode_sha256") or value.get("gcode_hash")
    data = text.encode() if isinstance(text, str) else None
    sha256 = sha256_hex(data) if data is not None else told if is_sha256(told) else None
    size = None if data is None else len(data)
    facts = {"name": layout.GCODE, "type": "file", "ref": None, "media_type": media_type(layout.GCODE)}
    return [] if sha256 is None else [{**facts, "sha256": sha256, "size": size, "path": None}]


def _opened(original: Original, redactor: Redactor) -> dict[str, Any]:
    value = original.value
    tool = value.get("tool_id")
    return {
        "run_id": value["run_id"],
        "kind": str(mode_of(value) or value.get("event_type") or "unknown"),
        "contract": {"name": NAME, "version": VERSION},
        "generator": {"name": NAME, "version": VERSION},
        "ruleset": redactor.ruleset,
        "labels": {layout.TOOL_LABEL: short_label(tool, lambda: redactor)} if isinstance(tool, str) else {},
        "imported": {"format": FORMAT, "sha256": sha256_hex(original.body)},
    }


def _closed(value: dict[str, Any]) -> dict[str, Any]:
    errors = value.get("errors")
    return {
        "status": KERNEL_STATUSES[value["status"]],
        "error": errors if isinstance(errors, list) and errors else None,
    }
