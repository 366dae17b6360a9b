"""A verification written by hand for the small bundles of the row `verify`, and for their files alone: what is the
least that a proof of one can take in Python?

Every file is read and hashed; every line is parsed and spelled again, its place and its time are looked at; the tree
is made; manifest, documents and outcome are folded anew from the events and compared. It trusts orjson's spelling of
numbers, checks no member of an event, follows no evidence, knows no other event, contract, size or limit, opens no
folder that somebody else may be changing, and says nothing of what is wrong.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orjson import OPT_INDENT_2, OPT_SORT_KEYS, dumps, loads

PRETTY = OPT_INDENT_2 | OPT_SORT_KEYS
LARGEST = 1 << 16
MEDIA_TYPES = {"json": "application/json", "jsonl": "application/x-ndjson"}


def prove_by_hand(bundle: Path) -> None:
    """Prove what a bundle says; one that does not pass ends the measurement."""
    files = {entry.name: read_file(entry.path) for entry in os.scandir(bundle)}
    manifest = files.pop("manifest.json")
    lines = files["events.jsonl"].split(b"\n")[:-1]
    events = [loads(line) for line in lines]
    above = ""
    for number, event in enumerate(events):
        if event["seq"] != number or event["ts"] < above:
            raise RuntimeError("a line out of order")
        above = event["ts"]
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    folded = fold_by_hand(events, digests["config.snapshot.json"])
    folded["events.jsonl"] = files["events.jsonl"]
    named = [
        {
            "media_type": MEDIA_TYPES[path.rpartition(".")[2]],
            "path": path,
            "role": "journal" if path == "events.jsonl" else "document",
            "sha256": digests[path],
            "size": len(data),
        }
        for path, data in sorted(files.items())
    ]
    again = dumps(events, None, OPT_SORT_KEYS)
    if folded != files or again != b"[%b]" % b",".join(lines) or manifest_by_hand(events, named, lines) != manifest:
        raise RuntimeError("not what was sealed")


def read_file(path: str) -> bytes:
    """All of it, by one descriptor."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    data = os.read(descriptor, LARGEST)
    os.close(descriptor)
    return data


def root_of(leaves: Sequence[bytes]) -> str:
    """Merkle root of RFC 6962."""
    sha256 = hashlib.sha256
    level = [sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        odd = level[-1:] if len(level) % 2 else []
        level = [sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return level[0].hex()


def data_of(events: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The data of the events of a type."""
    return [event["data"] for event in events if event["type"] == kind]


def fold_by_hand(events: Sequence[dict[str, Any]], config_sha256: str) -> dict[str, bytes]:
    """The documents that stand in such a bundle."""
    opened, closed = events[0]["data"], events[-1]["data"]
    checks, (config,) = data_of(events, "check"), data_of(events, "config")
    inputs, (loss,) = data_of(events, "input"), data_of(events, "metric")
    statuses = [check["status"] for check in checks]
    copied = ("argv", "contract", "cwd", "kind", "labels", "links", "platform", "run_id", "version")
    run = {
        **{name: opened[name] for name in copied},
        **{name: closed[name] for name in ("error", "result", "status")},
        "opened_at": events[0]["ts"],
        "closed_at": events[-1]["ts"],
        "config": {"path": "config.snapshot.json", "sha256": config_sha256},
        "counts": {
            "checks": len(checks),
            "dropped": closed["dropped"],
            "events": len(events),
            "redactions": closed["redactions"],
            "warnings": 0,
        },
        "duration_ms": closed["duration_ns"] // 1_000_000,
        "git": opened["git"] and {**opened["git"], "dirty": None},
        "inputs": inputs,
        "metrics": {
            name: {"count": 1, "last": value, "max": value, "min": value} for name, value in loss["values"].items()
        },
        "outputs": [],
    }
    told = {
        "checks": checks,
        "run_id": opened["run_id"],
        "summary": {status: statuses.count(status) for status in ("fail", "pass", "skip")},
    }
    documents = {"checks.json": told, "config.snapshot.json": config, "run.json": run}
    return {path: dumps(document, None, PRETTY) + b"\n" for path, document in documents.items()}


def manifest_by_hand(events: Sequence[dict[str, Any]], files: list[dict[str, Any]], lines: Sequence[bytes]) -> bytes:
    """The manifest of such a bundle, with its outcome."""
    opened, closed = events[0]["data"], events[-1]["data"]
    (config,) = data_of(events, "config")
    outcome = {
        "v": "runstone-outcome/1",
        "contract": "runstone/1",
        "kind": opened["kind"],
        "version": opened["version"],
        "status": closed["status"],
        "config": hashlib.sha256(dumps(config["value"], None, OPT_SORT_KEYS)).hexdigest(),
        "inputs": sorted_by_text([[one["name"], one["type"], one["sha256"], None] for one in data_of(events, "input")]),
        "outputs": [],
        "checks": sorted_by_text([[one["id"], one["status"]] for one in data_of(events, "check")]),
        "decision": None,
        "scores": [],
        "tools": [],
        "result": None,
        "exit": closed["exit"],
    }
    return dumps(
        {
            "format": "runstone-bundle/1",
            "run_id": opened["run_id"],
            "kind": opened["kind"],
            "contract": {"name": opened["contract"]["name"], "version": opened["contract"]["version"]},
            "status": closed["status"],
            "opened_at": events[0]["ts"],
            "closed_at": events[-1]["ts"],
            "links": opened["links"],
            "files": files,
            "events": {"count": len(events), "root": root_of(lines)},
            "outcome_digest": "sha256:" + hashlib.sha256(dumps(outcome, None, OPT_SORT_KEYS)).hexdigest(),
            "ext": {},
        },
        None,
        OPT_SORT_KEYS,
    )


def sorted_by_text(items: list[Any]) -> list[Any]:
    """Items in the order of their text."""
    return sorted(items, key=dumps)
