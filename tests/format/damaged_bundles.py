"""Recipes of the damaged golden bundles, each named for its defect, with the faults that it must give.

A recipe changes one thing. Where that alone would be drowned by broken digests (a journal line that is not canonical
changes the journal's SHA-256), the manifest is adjusted to the change: that is what somebody who hides it would do.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from tests.format.damage import (
    JOURNAL,
    MANIFEST,
    adjust,
    change_kept,
    change_manifest,
    entry_of,
    lines_of,
    manifest_of,
    put_lines,
    put_manifest,
    rewrite,
    swap,
)
from tests.format.good_bundles import folder

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from tests.format.surroundings import Files, Surroundings

    Damage = Callable[[Files], None]
    Fault = tuple[int, str]

DAMAGED: Final[dict[str, tuple[str, str, Damage, list[Fault]]]] = {}
"""Name → what it shows, base bundle, what is done to it, and the (step, code) of every fault in order of the steps."""

KEPT: Final = "artifacts/table.csv"
REBUILT: Final = (6, "wrong_manifest")


def bare(surroundings: Surroundings) -> None:
    """What most faults of manifest and journal are shown on: three lines, one document."""
    run = surroundings.run(labels={"a": "b"}, host={"cwd": None})
    run.log("one")
    run.finish("success")


def sample(surroundings: Surroundings) -> None:
    """What faults of files are shown on: documents, a kept file, evidence."""
    run = surroundings.run(host={"cwd": None})
    run.config({"limit": 3})
    with folder({"table.csv": b"a,b\n1,2\n"}):
        run.output("file", "table.csv", keep=True)
    run.log("one")
    run.check("lines", "pass", evidence=["run.log:line:1", "run.json:$.kind", KEPT])
    run.finish("success")


BASES: Final = {"bare": bare, "sample": sample}


def damaged(base: str, *faults: Fault) -> Callable[[Damage], Damage]:
    """Register a recipe under its own name."""

    def register(damage: Damage) -> Damage:
        DAMAGED[damage.__name__.replace("_", "-")] = (damage.__doc__ or "", base, damage, list(faults))
        return damage

    return register


# 0 names, no links, closed world, sizes, limits


@damaged("sample", (0, "extra_file"))
def extra_file(files: Files) -> None:
    """A file that the manifest does not name."""
    files["notes.txt"] = b"I was here\n"


@damaged("sample", (0, "missing_file"), REBUILT, (7, "missing_file"))
def missing_document(files: Files) -> None:
    """A document that the manifest names is gone."""
    del files["checks.json"]


@damaged("sample", (0, "missing_file"), (6, "missing_file"), REBUILT)
def missing_artifact(files: Files) -> None:
    """A kept file is gone."""
    del files[KEPT]


@damaged("bare", (0, "missing_file"))
def missing_journal(files: Files) -> None:
    """The journal is gone; the manifest still names it."""
    del files[JOURNAL]


@damaged("bare", (0, "missing_file"))
def no_journal_at_all(files: Files) -> None:
    """The journal is gone, and the manifest does not name it either."""
    del files[JOURNAL]
    change_manifest(files, files=[entry_of(manifest_of(files), "run.json")])


@damaged("bare", (0, "extra_file"), (0, "invalid_path"), REBUILT, (7, "missing_file"))
def manifest_names_a_bad_path(files: Files) -> None:
    """The manifest names a file outside of the bundle in the place of one that is there."""
    manifest = manifest_of(files)
    entry_of(manifest, "run.json")["path"] = "../run.json"
    put_manifest(files, manifest)


@damaged("bare", (0, "extra_file"), (0, "missing_file"))
def journal_not_named(files: Files) -> None:
    """The journal is there, and the manifest does not name it."""
    change_manifest(files, files=[entry_of(manifest_of(files), "run.json")])


@damaged("sample", (0, "wrong_size"), (2, "wrong_sha256"), (6, "wrong_sha256"), REBUILT)
def truncated_artifact(files: Files) -> None:
    """A kept file has lost its last byte."""
    files[KEPT] = files[KEPT][:-1]


@damaged("bare", (0, "duplicate_file"), REBUILT)
def file_named_twice(files: Files) -> None:
    """The manifest names a file twice."""
    manifest = manifest_of(files)
    manifest["files"].append(entry_of(manifest, "run.json"))
    put_manifest(files, manifest)


@damaged("bare", (0, "duplicate_file"), (2, "wrong_sha256"), REBUILT, (7, "extra_file"))
def manifest_names_itself(files: Files) -> None:
    """The manifest has an entry for `manifest.json`."""
    manifest = manifest_of(files)
    manifest["files"].insert(1, {**entry_of(manifest, "run.json"), "path": MANIFEST})
    put_manifest(files, manifest)
    manifest["files"][1]["size"] = len(files[MANIFEST])
    put_manifest(files, manifest)


# 1 manifest canonical


@damaged("bare", (1, "missing_file"))
def missing_manifest(files: Files) -> None:
    """There is no manifest."""
    del files[MANIFEST]


@damaged("bare", (1, "not_canonical"))
def manifest_not_canonical(files: Files) -> None:
    """The same manifest with a space in it."""
    swap(files, MANIFEST, b'"ext":{}', b'"ext": {}')


@damaged("bare", (1, "not_canonical"))
def manifest_ends_with_lf(files: Files) -> None:
    """An editor put a line end behind the manifest."""
    files[MANIFEST] += b"\n"


@damaged("bare", (1, "duplicate_key"))
def manifest_duplicate_key(files: Files) -> None:
    """Two statuses: one parser reads the first, another the last."""
    swap(files, MANIFEST, b'"status":"success"', b'"status":"failed","status":"success"')


@damaged("bare", (1, "trailing_bytes"))
def manifest_trailing_bytes(files: Files) -> None:
    """Something follows the manifest's value."""
    files[MANIFEST] += b"{}"


@damaged("bare", (1, "invalid_json"))
def manifest_truncated(files: Files) -> None:
    """The manifest ends in the middle."""
    files[MANIFEST] = files[MANIFEST][:100]


@damaged("bare", (1, "unsupported_format"))
def unknown_format(files: Files) -> None:
    """A bundle of a format that does not exist yet."""
    change_manifest(files, format="runstone-bundle/2")


@damaged("bare", (1, "bundle_damaged"))
def manifest_unknown_key(files: Files) -> None:
    """A key that `/1` does not have."""
    change_manifest(files, signed_by="nobody")


@damaged("bare", (1, "bundle_damaged"))
def manifest_time_that_is_none(files: Files) -> None:
    """The run was closed on a day that there is not."""
    change_manifest(files, closed_at="2026-02-30T03:04:05.000000Z")


@damaged("bare", (1, "bundle_damaged"))
def manifest_link_that_is_none(files: Files) -> None:
    """A link says in no known word how the runs belong together."""
    change_manifest(files, links=[{"digest": None, "rel": "follows", "run_id": "other"}])


@damaged("bare", (1, "bundle_damaged"))
def manifest_ext_not_empty(files: Files) -> None:
    """`ext` holds something."""
    change_manifest(files, ext={"a": 1})


# 2 every byte's SHA-256


@damaged("sample", (2, "wrong_sha256"), (6, "wrong_sha256"), REBUILT)
def flipped_byte_in_artifact(files: Files) -> None:
    """One bit of a kept file is another."""
    swap(files, KEPT, b"1,2", b"1,3")


@damaged("sample", (2, "wrong_sha256"), REBUILT, (7, "wrong_document"))
def flipped_byte_in_document(files: Files) -> None:
    """One bit of a document is another."""
    swap(files, "checks.json", b'"pass": 1', b'"pass": 0')


@damaged("bare", (2, "wrong_sha256"), (5, "wrong_root"), REBUILT)
def flipped_byte_in_journal(files: Files) -> None:
    """One letter of a message is another; the line is still a good line."""
    swap(files, JOURNAL, b'"one"', b'"onf"')


@damaged("sample", (0, "wrong_size"), (2, "line_ends_changed"), REBUILT, (7, "wrong_document"))
def document_crlf(files: Files) -> None:
    """A checkout made CRLF of a document's line ends."""
    files["checks.json"] = files["checks.json"].replace(b"\n", b"\r\n")


@damaged("bare", (0, "wrong_size"), (2, "line_ends_changed"), (3, "not_canonical"))
def journal_crlf(files: Files) -> None:
    """A checkout made CRLF of the journal's line ends."""
    files[JOURNAL] = files[JOURNAL].replace(b"\n", b"\r\n")


# 3 every journal line canonical; 4 seq, ts, the events' members

NOT_GOOD: Final = (4, "invalid_event")
REWRITTEN: Final[dict[str, tuple[str, Fault, bytes, bytes]]] = {
    "journal-not-canonical": (
        "The same event with a space in it.",
        (3, "not_canonical"),
        b'"text":"one"',
        b'"text": "one"',
    ),
    "journal-keys-out-of-order": (
        "The same event with two keys the other way round.",
        (3, "not_canonical"),
        b'{"level":"info","text":"one"}',
        b'{"text":"one","level":"info"}',
    ),
    "journal-needless-escape": (
        "The same text, one letter spelled as an escape.",
        (3, "not_canonical"),
        b'"one"',
        b'"\\u006fne"',
    ),
    "journal-number-too-precise": (
        "2^53+1: a double cannot hold it.",
        (3, "not_canonical"),
        b'"one"',
        b'"one","x":9007199254740993',
    ),
    "journal-number-too-large": ("A number beyond every double.", (3, "not_json"), b'"one"', b'"one","x":1e400'),
    "journal-duplicate-key": ("Two texts in one event.", (3, "duplicate_key"), b'"text"', b'"text":"two","text"'),
    "journal-lone-surrogate": ("Half of a surrogate pair.", (3, "lone_surrogate"), b'"one"', b'"\\ud800"'),
    "journal-not-utf8": ("A byte that is not UTF-8.", (3, "invalid_utf8"), b'"one"', b'"\xff"'),
    "journal-not-json": ("A line that is not JSON.", (3, "invalid_json"), b'"one"', b"one"),
    "journal-trailing-bytes": ("Two values on one line.", (3, "trailing_bytes"), b'"log"}', b'"log"}{}'),
    "journal-too-deep": (
        "Nesting beyond the limit.",
        (3, "too_deep"),
        b'"one"',
        b'"one","x":' + b"[" * 63 + b"]" * 63,
    ),
    "seq-gap": ("A number is missing between two lines.", NOT_GOOD, b'"seq":1,', b'"seq":2,'),
    "time-going-back": (
        "A line's time is before the line above it.",
        NOT_GOOD,
        b'05.000000Z","type":"log',
        b'04.999999Z","type":"log',
    ),
    "time-without-decimals": ("A time in another form.", NOT_GOOD, b'05.000000Z","type":"log', b'05Z","type":"log'),
    "time-that-does-not-exist": (
        "The thirtieth of February.",
        NOT_GOOD,
        b'2026-01-02T03:04:05.000000Z","type":"log',
        b'2026-02-30T03:04:05.000000Z","type":"log',
    ),
    "unknown-envelope-key": ("A key beside those of the envelope.", NOT_GOOD, b'"seq":1,', b'"host":"h","seq":1,'),
    "marks-not-sorted": (
        "Marks in another order.",
        NOT_GOOD,
        b'"seq":1,',
        b'"marks":[["/text","truncated"],["/level","coerced"]],"seq":1,',
    ),
    "unknown-mark": (
        "A mark that `/1` does not have.",
        NOT_GOOD,
        b'"seq":1,',
        b'"marks":[["/text","better"]],"seq":1,',
    ),
    "mark-pointer-with-a-bad-escape": (
        "A mark's pointer has `~` with neither 0 nor 1 behind it.",
        NOT_GOOD,
        b'"seq":1,',
        b'"marks":[["/text~2","coerced"]],"seq":1,',
    ),
    "empty-marks": ("`marks` stands there and holds nothing.", NOT_GOOD, b'"seq":1,', b'"marks":[],"seq":1,'),
    "own-type-with-an-empty-word": ("A caller's type that no caller may name so.", NOT_GOOD, b'"log"}', b'"x..log"}'),
    "unknown-log-level": ("A message of a level that there is not.", NOT_GOOD, b'"level":"info"', b'"level":"INFO"'),
    "lost-not-sorted": (
        "What is lost in another order.",
        NOT_GOOD,
        b'"lost":[]',
        b'"lost":["artifacts/b","artifacts/a"]',
    ),
    "lost-twice": ("The same file is lost twice.", NOT_GOOD, b'"lost":[]', b'"lost":["artifacts/a","artifacts/a"]'),
    "missing-field": (
        "`run.opened` does not say who wrote it.",
        NOT_GOOD,
        b'"generator":{"name":"runstone","version":"0.1.0"},',
        b"",
    ),
    "wrong-field-type": ("A label is a number.", NOT_GOOD, b'"labels":{"a":"b"}', b'"labels":{"a":1}'),
    "unknown-status": ("A run ends as nothing that a run can be.", NOT_GOOD, b'"status":"success"', b'"status":"fine"'),
}
"""Name → what it shows, the fault, what is replaced by what in the journal of `bare`; the manifest agrees with it."""

for _name, (_about, _fault, _old, _new) in REWRITTEN.items():
    DAMAGED[_name] = (_about, "bare", partial(rewrite, old=_old, new=_new), [_fault])


# 3 and 4: lines


@damaged("bare", (3, "invalid_json"))
def journal_without_last_lf(files: Files) -> None:
    """The last line has no LF."""
    put_lines(files, files[JOURNAL][:-1])


@damaged("bare", NOT_GOOD)
def line_left_out(files: Files) -> None:
    """A whole line was taken out of the middle."""
    lines = lines_of(files)
    put_lines(files, lines[0], lines[2])


@damaged("bare", NOT_GOOD)
def lines_swapped(files: Files) -> None:
    """Two lines changed places."""
    lines = lines_of(files)
    put_lines(files, lines[0], lines[2], lines[1])


@damaged("bare", NOT_GOOD)
def first_line_is_not_run_opened(files: Files) -> None:
    """The journal begins with a message."""
    _, line, last = lines_of(files)
    put_lines(files, line.replace(b'"seq":1', b'"seq":0'), last.replace(b'"seq":2', b'"seq":1'))


@damaged("bare", NOT_GOOD)
def opened_twice(files: Files) -> None:
    """A second `run.opened` in the middle."""
    first, _, last = lines_of(files)
    put_lines(files, first, first.replace(b'"seq":0', b'"seq":1'), last)


@damaged("bare", (4, "not_closed"))
def not_closed(files: Files) -> None:
    """The last line is not `run.closed`."""
    put_lines(files, *lines_of(files)[:2])


@damaged("bare", (4, "not_closed"))
def empty_journal(files: Files) -> None:
    """The journal has no line."""
    put_lines(files)


@damaged("bare", (4, "event_after_close"))
def event_after_close(files: Files) -> None:
    """A line follows `run.closed`."""
    lines = lines_of(files)
    put_lines(files, *lines, lines[1].replace(b'"seq":1', b'"seq":3'))


@damaged("bare", (4, "event_after_close"))
def torn_line_after_close(files: Files) -> None:
    """A piece of a line follows `run.closed`: that it is none matters no more."""
    put_lines(files, *lines_of(files), b'{"data":')


@damaged("bare", (4, "wrong_count"), (7, "wrong_document"))
def wrong_count_of_redactions(files: Files) -> None:
    """`run.closed` counts a redaction that no line has."""
    rewrite(files, b'"redactions":0', b'"redactions":1')


@damaged("bare", (4, "wrong_count"), (7, "wrong_document"))
def wrong_count_of_dropped(files: Files) -> None:
    """`run.closed` counts dropped events of which no `dropped` event tells."""
    rewrite(files, b'"dropped":0', b'"dropped":4')


# 5 Merkle root


@damaged("bare", (5, "wrong_root"), REBUILT)
def wrong_root(files: Files) -> None:
    """The manifest's root is of other lines."""
    change_manifest(files, events={"count": 3, "root": "0" * 64})


# 6 manifest rebuilt from the journal


@damaged("bare", REBUILT)
def wrong_number_of_events(files: Files) -> None:
    """The manifest counts a line more than there is."""
    change_manifest(files, events={**manifest_of(files)["events"], "count": 4})


@damaged("bare", REBUILT)
def manifest_says_another_status(files: Files) -> None:
    """The manifest calls a run failed that the journal calls a success."""
    change_manifest(files, status="failed")


@damaged("bare", REBUILT)
def manifest_says_another_run(files: Files) -> None:
    """The manifest has the id of another run."""
    change_manifest(files, run_id="another")


@damaged("bare", REBUILT)
def manifest_says_another_time(files: Files) -> None:
    """The manifest's times are not those of the first and last line."""
    change_manifest(files, closed_at="2026-01-02T03:04:06.000000Z")


@damaged("sample", REBUILT)
def manifest_files_out_of_order(files: Files) -> None:
    """The manifest's files are not sorted."""
    change_manifest(files, files=manifest_of(files)["files"][::-1])


@damaged("sample", REBUILT)
def wrong_role(files: Files) -> None:
    """The manifest calls a kept file a document."""
    manifest = manifest_of(files)
    entry_of(manifest, KEPT)["role"] = "document"
    put_manifest(files, manifest)


@damaged("sample", REBUILT)
def wrong_media_type(files: Files) -> None:
    """The manifest calls a table an image."""
    manifest = manifest_of(files)
    entry_of(manifest, KEPT)["media_type"] = "image/png"
    put_manifest(files, manifest)


@damaged("sample", (6, "wrong_sha256"))
def artifact_exchanged(files: Files) -> None:
    """A kept file is another one, and the manifest agrees; the journal does not."""
    files[KEPT] = b"a,b\n9,9\n"
    adjust(files)


@damaged("sample", (6, "wrong_sha256"), (7, "wrong_document"))
def artifact_of_another_size(files: Files) -> None:
    """An event tells another size of a kept file than it has."""
    rewrite(files, b'"size":8', b'"size":9')


@damaged("sample", NOT_GOOD)
def document_kept_as_artifact(files: Files) -> None:
    """An event keeps a document of the contract, under a media type of its own."""
    document = files["checks.json"]
    kept = {"media_type": "text/html", "path": "checks.json", "sha256": sha256_hex(document), "size": len(document)}
    change_kept(files, **kept)


@damaged("sample", NOT_GOOD)
def artifact_outside_of_artifacts(files: Files) -> None:
    """The path of a kept file leads out of its folder."""
    change_kept(files, path="artifacts/../table.csv")


@damaged("sample", NOT_GOOD)
def lost_artifact_outside_of_artifacts(files: Files) -> None:
    """The same of a file that is lost."""
    del files[KEPT]
    change_kept(files, path="table.csv")
    rewrite(files, b'"lost":[]', b'"lost":["table.csv"]')


@damaged("sample", NOT_GOOD)
def artifact_without_sha256(files: Files) -> None:
    """An event keeps a file and does not say which."""
    change_kept(files, sha256=None)


@damaged("sample", (6, "missing_file"))
def artifact_left_out(files: Files) -> None:
    """A kept file is gone, from the manifest as well; the journal keeps it."""
    del files[KEPT]
    adjust(files)


# 7 documents refolded


@damaged("sample", (7, "wrong_document"))
def document_not_refolded(files: Files) -> None:
    """A document says something else than the journal, and the manifest agrees with it."""
    swap(files, "checks.json", b'"pass": 1', b'"pass": 2')
    adjust(files)


@damaged("sample", (7, "wrong_document"))
def document_in_another_form(files: Files) -> None:
    """A document says the same in another print."""
    files["checks.json"] = canonical_bytes(json.loads(files["checks.json"]))
    adjust(files)


@damaged("sample", (7, "missing_file"))
def document_left_out(files: Files) -> None:
    """A document is gone, from the manifest as well."""
    del files["checks.json"]
    adjust(files)


@damaged("sample", (7, "extra_file"))
def document_added(files: Files) -> None:
    """A file that neither the contract nor an event knows, named in the manifest."""
    files["decision.json"] = b"{}\n"
    adjust(files)


# 8 outcome digest


@damaged("bare", REBUILT, (8, "wrong_outcome"))
def wrong_outcome(files: Files) -> None:
    """The manifest's outcome digest is of another outcome."""
    change_manifest(files, outcome_digest="sha256:" + "0" * 64)


# 9 evidence references resolve


@damaged("sample", (9, "evidence_unresolved"))
def evidence_unresolved(files: Files) -> None:
    """A check points at a line that the log does not have; everything else agrees with that."""
    swap(files, JOURNAL, b"run.log:line:1", b"run.log:line:2")
    swap(files, "checks.json", b"run.log:line:1", b"run.log:line:2")
    adjust(files)


@damaged("sample", (9, "evidence_unresolved"))
def evidence_in_line_zero(files: Files) -> None:
    """Lines are counted from 1."""
    swap(files, JOURNAL, b"run.log:line:1", b"run.log:line:0")
    swap(files, "checks.json", b"run.log:line:1", b"run.log:line:0")
    adjust(files)
