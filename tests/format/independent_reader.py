"""A second reader of `runstone-bundle/1`: written from `docs/format/bundle-1.md` alone, nothing of Runstone imported.

`verify(files)` answers the faults of a bundle as a set of (step, code), empty where the bundle is good. `files` maps
every path to its bytes, or to `None` for a name that is no regular file. Comments name the sections of the page.
From the command line: `python independent_reader.py FOLDER`.
"""

import hashlib
import itertools
import json
import re
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unicodedata import is_normalized, normalize

SAFE, DEPTH, LINE_BYTES, MANIFEST_BYTES, FILES = 2**53 - 1, 64, 8388608, 33554432, 100000
JOURNAL, MANIFEST, CONFIG = "events.jsonl", "manifest.json", "config.snapshot.json"
OPENED, CLOSED = "run.opened", "run.closed"


class RefusedError(Exception):  # 2 values
    """The one argument is the code."""


def refuse(code):
    raise RefusedError(code)


def number_text(value):
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f") if value else "0"
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits, _, exponent = repr(value).partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent):+d}"


def printed(value, pretty=False, line="\n"):
    """Canonical text; with `pretty`, profile `pretty-ascii` without the LF at its end."""
    if not isinstance(value, (dict, list)):
        return number_text(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=pretty)
    inner, line, colon = (line + "  ", line, ": ") if pretty else ("", "", ":")
    ends, items = "[]", value
    if isinstance(value, dict):
        keys = sorted(value) if pretty else sorted(value, key=lambda key: key.encode("utf-16-be"))
        ends, items = "{}", [printed(key, pretty) + colon + printed(value[key], pretty, inner) for key in keys]
    else:
        items = [printed(item, pretty, inner) for item in value]
    return ends[0] + inner + f",{inner}".join(items) + line + ends[1] if items else ends


def spelled(value):
    return printed(value).encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def depth(value):
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0) if isinstance(value, (dict, list)) else 0


def number(token):
    if len(token) > 1100:
        refuse("too_large")
    exact = not set(token) & set(".eE") and abs(int(token)) <= SAFE
    return int(token) if exact else float(token) if abs(float(token)) < float("inf") else refuse("not_json")


HOOKS = {
    "object_pairs_hook": lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else refuse("duplicate_key"),
    "parse_constant": lambda token: refuse("invalid_json"),
    **dict.fromkeys(("parse_int", "parse_float"), number),
}
REASONS = {UnicodeDecodeError: "invalid_utf8", UnicodeEncodeError: "lone_surrogate", RecursionError: "too_deep"}


def parse_canonical(data, limit):
    try:
        value = json.loads(data.decode(), **HOOKS) if len(data) <= limit else refuse("too_large")
        same = spelled(value) == data if depth(value) <= DEPTH else refuse("too_deep")
        return value if same else refuse("not_canonical")
    except (ValueError, RecursionError) as exc:
        extra = "trailing_bytes" if str(exc).startswith("Extra data") else "invalid_json"
        return refuse(REASONS.get(type(exc), extra))


# 3 journal: `word?` is the value or null, `word*` an array of it, `word%` an object whose members are it

FINAL = ("success", "partial", "failed", "blocked", "cancelled", "interrupted")
RELATIONS = ("amends", "child-of", "derives-from", "replays", "retries")
DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$", *(p + n for p in ("com", "lpt") for n in "0123456789¹²³")}
TYPES = {"text": str, "list": list, "object": dict, "boolean": bool, "integer": int, "any": None}
WORDS = {
    "count": lambda value: type(value) is int and value >= 0,
    "number": lambda value: type(value) in (int, float) or value in ("NaN", "Infinity", "-Infinity"),
    "sha256": lambda value: matches("[0-9a-f]{64}", value),
    "run-id": lambda value: matches(RUN_ID, value) and value.partition(".")[0].lower() not in DEVICES,
    "named-version": lambda value: has(value, "name:text version:text"),
    "ruleset": lambda value: has(value, "name:text sha256:sha256"),
    "git": lambda value: has({"sha": None, "ref": None, **value} if type(value) is dict else 0, "sha:text? ref:text?"),
    "link": lambda value: has(value, "run_id:run-id rel:relation digest:digest?", exactly=True),
    "links": lambda value: fits(value, "link*") and rising(value),
    "relation": lambda value: value in RELATIONS,
    "digest": lambda value: matches("sha256:[0-9a-f]{64}", value),
    "time": lambda value: is_time(value),
    "level": lambda value: value in ("debug", "info", "warning", "error"),
    "check-status": lambda value: value in ("pass", "fail", "skip"),
    "final-status": lambda value: value in FINAL,
    "child-status": lambda value: value in (*FINAL, "running"),
}
SAID = {"name": None, "by": "", "override": {"outcome": "", "reason": ""}}  # of an annotation, where it says nothing
RUN_ID = "[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?"
ARTIFACT = "name:text type:text ref:text? sha256:sha256? size:count? media_type:text? path:text?"
EVENTS = {
    "run.opened": "run_id:run-id kind:text version:text? contract:named-version generator:named-version ruleset:ruleset"
    " labels:text% links:links idempotency:object? argv:text*? cwd:text? git:git? platform:object? entry:text?",
    "git": "sha:text? ref:text? dirty:boolean?",
    "config": "value:any sources:object volatile:text*",
    "input": ARTIFACT,
    "output": ARTIFACT,
    "check": "id:text name:text status:check-status evidence:text*",
    "metric": "values:number% step:integer?",
    "decision": "call:text? outcome:text? risk_level:text? score:any block_reason:text? warnings:list rules:object*"
    " details:any policy:object?",
    "tool.called": "call:text parent:text? name:text contract_sha256:sha256? args:any",
    "tool.returned": "call:text status:text result:any error:any duration_ns:count? attempts:count",
    "contract": "sha256:sha256 document:object",
    "approval": "call:text outcome:text by:text? reason:text? rule:text",
    "model.called": "call:text parent:text? model:text provider:text? prompt:object parameters:any",
    "model.returned": "call:text status:text output:object? usage:object? cost:object? finish_reason:text? error:any"
    " duration_ns:count? attempts:count",
    "evidence": "query:any corpus:any passages:list",
    "citation": "ids:text*",
    "score": "name:text value:number",
    "verdict": "ok:boolean baseline:object? rules:object*",
    "state": "thread:text namespace:text step:integer? sha256:sha256?",
    "phase": "name:text status:text",
    "note": "text:text",
    "now": "time:text",
    "uuid": "uuid:text",
    "seed": "name:text seed:count",
    "environment": "variables:text%",
    "replay": "mode:text live:text* guards:object*",
    "divergence": "reason:text message:text expected:object? found:object?",
    "context": "request_id:text? tenant:text? user:text? versions:text%",
    "annotation": "labels:text?% aliases:boolean%",
    "child": "run_id:run-id digest:text? status:child-status",
    "dropped": "events:count bytes:count reason:text sha256:sha256?",
    "run.closed": "status:final-status exit:integer? error:any result:any duration_ns:count? redactions:count"
    " dropped:count resources:object? torn_bytes:count lost:text*",
}


def fits(value, word):
    if word[-1] in "?*%":
        inner = {"?": [] if value is None else [value], "*": value, "%": value}[word[-1]]
        container = {"?": list, "*": list, "%": dict}[word[-1]]
        values = inner.values() if isinstance(inner, dict) else inner
        return type(inner) is container and all(fits(item, word[:-1]) for item in values)
    return WORDS[word](value) if word in WORDS else TYPES[word] in (None, type(value))


def has(value, members, exactly=False):
    pairs = [member.split(":") for member in members.split()]
    good = isinstance(value, dict) and all(name in value and fits(value[name], word) for name, word in pairs)
    return good and not (exactly and len(value) > len(pairs))


def matches(pattern, value):
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def rising(items):
    return all(spelled(one) < spelled(two) for one, two in itertools.pairwise(items))


def is_time(text):
    try:
        return matches(r"[0-9]{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text) and datetime.fromisoformat(text).year >= 1970
    except ValueError:
        return False


def is_mark(pair):
    good = fits(pair, "text*") and len(pair) == 2 and matches("(/([^~]|~[01])*)?", pair[0])
    return good and matches("coerced|truncated|redacted:.+", pair[1])


def is_kept_well(data):
    """Where the event keeps a file, whether it tells all of it."""
    path = data["path"]
    below = path is None or (path.startswith("artifacts/") and not path_is_bad(path))
    return below and (path is None or None not in (data["sha256"], data["size"]))


def event_is_good(event, seq, last_ts):
    marked = {"marks": [["", "coerced"]], **event} if isinstance(event, dict) else {}
    if not has(marked, "data:object marks:list seq:integer ts:text type:text", exactly=True):
        return False
    data, kind, marks = event["data"], event["type"], marked["marks"]
    if kind == "log":
        piece = has(data, "stream:text") and (
            (has(data, "text:text") and "latin1" not in data)
            or (has(data, "latin1:text") and "text" not in data and max(data["latin1"], default="") <= "\xff")
        )
        typed = piece if "stream" in data else has(data, "level:level text:text")
    else:
        own = len(kind) <= 128 and matches(r"x(\.[a-z0-9_-]+)+", kind)
        typed = has(data, EVENTS.get(kind, "")) and (own or not kind.startswith("x."))
    if kind in ("input", "output"):
        typed = typed and is_kept_well(data)
    if kind == CLOSED:
        typed = typed and data["lost"] == sorted(set(data["lost"]))
    if kind == "annotation" and typed:
        said = {**SAID, **data}
        typed = has(said, "name:text? by:text") and has(said["override"], "outcome:text reason:text")
    in_place = event["seq"] == seq and is_time(event["ts"]) and event["ts"] >= last_ts
    return (
        typed and in_place and marks and all(map(is_mark, marks)) and rising(marks) and (kind == OPENED) == (seq == 0)
    )


def read_journal(data):
    """The events, and the fault of steps 3 and 4 that ended the reading."""
    events = []
    for line in re.findall(rb"[^\n]*\n|[^\n]+\Z", data):
        if events and events[-1]["type"] == CLOSED:
            return events, {(4, "event_after_close")}
        try:
            event = parse_canonical(line[:-1], LINE_BYTES - 1) if line.endswith(b"\n") else refuse("invalid_json")
        except RefusedError as exc:
            return events, {(3, exc.args[0])}
        if not event_is_good(event, len(events), events[-1]["ts"] if events else ""):
            return events, {(4, "invalid_event")}
        events.append(event)
    return events, set() if events and events[-1]["type"] == CLOSED else {(4, "not_closed")}


# 4 manifest, 5 outcome, A documents

OPEN = {"status": "open", "result": None, "error": None, "duration_ns": None, "attempts": 0}
OUTCOME = ("outcome", "risk_level", "score", "block_reason", "warnings")
RULE = ("id", "status", "reason_code", "measured", "threshold")
OF_OPENED = ("run_id", "kind", "version", "contract", "labels", "links", "argv", "cwd", "platform")
LISTS = {"checks": "checks.json", "scores": "eval/scorecard.json", "evidence": "evidence.json"}
KINDS = {"checks": "check", "scores": "score", "evidence": "evidence"}


class Run:
    """A journal without faults, and what is folded from it."""

    def __init__(self, events):
        self.events, self.first, self.last = events, events[0], events[-1]
        self.opened, self.closed = events[0]["data"], events[-1]["data"]
        self.kept = {data["path"]: data for data in self.data("input", "output") if data["path"] is not None}
        self.held = {path: data for path, data in self.kept.items() if path not in self.closed["lost"]}
        self.decision = next((data for data in self.data("decision")[::-1] if data["call"] is None), None)
        self.config = next(reversed(self.data("config")), None)
        calls = {}
        for event in events:
            call = event["data"].get("call")
            if event["type"] == "tool.called" and call not in calls:
                calls[call] = (event["data"], OPEN)
            elif event["type"] == "tool.returned" and call in calls:
                calls[call] = (calls[call][0], event["data"])
        self.calls = list(calls.values())

    def data(self, *kinds):
        return [event["data"] for event in self.events if event["type"] in kinds]

    def outcome(self):
        contract, shown = self.opened["contract"], self.decision
        if shown is not None:
            rules = ordered([rule.get(name) for name in RULE] for rule in shown["rules"])
            shown = {**pick(shown, OUTCOME), "rules": rules, "policy": (shown["policy"] or {}).get("sha256")}
        tools = ([c["name"], sha256(spelled(c["args"])), hashed(a["result"]), a["status"]] for c, a in self.calls)
        return {
            "v": "runstone-outcome/1",
            "contract": contract["name"] + "/" + contract["version"].split(".")[0],
            **pick(self.opened, ("kind", "version")),
            **pick(self.closed, ("status", "exit")),
            "config": self.config and sha256(spelled(without_volatile(self.config))),
            **{f"{kind}s": ordered(map(bound, self.data(kind))) for kind in ("input", "output")},
            "checks": ordered([data["id"], data["status"]] for data in self.data("check")),
            "decision": shown,
            "scores": ordered([data["name"], data["value"]] for data in self.data("score")),
            "tools": ordered(tools),
            "result": hashed(self.closed["result"]),
        }

    def manifest(self, files):
        lines, entries = files[JOURNAL].split(b"\n")[:-1], []
        for path in sorted(files, key=str.encode):
            role = "journal" if path == JOURNAL else "artifact" if path in self.kept else "document"
            told = self.kept[path]["media_type"] if role == "artifact" else None
            facts = {"path": path, "size": len(files[path]), "sha256": sha256(files[path]), "role": role}
            entries.append({**facts, "media_type": told or media_type(path)})
        return {
            "format": "runstone-bundle/1",
            **pick(self.opened, ("run_id", "kind", "links")),
            "contract": pick(self.opened["contract"], ("name", "version")),
            "status": self.closed["status"],
            "opened_at": self.first["ts"],
            "closed_at": self.last["ts"],
            "files": entries,
            "events": {"count": len(lines), "root": merkle(lines).hex()},
            "outcome_digest": "sha256:" + sha256(spelled(self.outcome())),
            "ext": {},
        }

    def documents(self):
        run_id, checks = {"run_id": self.opened["run_id"]}, [data["status"] for data in self.data("check")]
        lists = {key: self.data(kind) for key, kind in KINDS.items()}
        found = {LISTS[key]: {**run_id, key: items} for key, items in lists.items() if items}
        if checks:
            found["checks.json"]["summary"] = {status: checks.count(status) for status in ("pass", "fail", "skip")}
        found |= {} if self.config is None else {CONFIG: self.config}
        found |= {} if self.decision is None else {"decision.json": {**run_id, **self.decision}}
        found |= {"tool_calls.json": {**run_id, "calls": [{**c, **a} for c, a in self.calls]}} if self.calls else {}
        bodies = {path: (printed(value, True) + "\n").encode() for path, value in found.items()}
        return {**bodies, "run.json": (printed(self.run_json(bodies), True) + "\n").encode()}

    def run_json(self, bodies):
        passed = datetime.fromisoformat(self.last["ts"]) - datetime.fromisoformat(self.first["ts"])
        duration_ns = self.closed["duration_ns"]
        git = [self.opened["git"] and {**self.opened["git"], "dirty": None}, *self.data("git")][-1]
        logs, series = self.data("log"), {}
        for name, value in (item for data in self.data("metric") for item in data["values"].items()):
            series.setdefault(name, []).append(value)
        counts = {"events": len(self.events), "checks": len(self.data("check"))}
        counts["warnings"] = sum(data.get("level") == "warning" for data in logs)
        return {
            **pick(self.opened, OF_OPENED),
            **pick(self.closed, ("status", "error", "result")),
            "opened_at": self.first["ts"],
            "closed_at": self.last["ts"],
            "duration_ms": passed // timedelta(milliseconds=1) if duration_ns is None else duration_ns // 10**6,
            "git": None if git is None else {name: git.get(name) for name in ("sha", "ref", "dirty")},
            "config": {"path": CONFIG, "sha256": sha256(bodies[CONFIG])} if CONFIG in bodies else None,
            **{f"{kind}s": self.data(kind) for kind in ("input", "output")},
            "metrics": {name: metric(values) for name, values in series.items()},
            "counts": {**counts, **pick(self.closed, ("dropped", "redactions"))},
        }

    def log(self):  # 3.5
        pieces, unfinished = [], {}
        for data in self.data("log"):
            if "stream" not in data:
                text = re.sub("[\x85\u2028\u2029]", lambda mark: f"\\u{ord(mark[0]):04x}", data["text"])
                pieces.append(text.replace("\n", "\\n").replace("\r", "\\r").encode() + b"\n")
                continue
            body = data["text"].encode() if has(data, "text:text") else data["latin1"].encode("latin-1")
            whole, line, rest = body.rpartition(b"\n")
            if line:
                pieces += [unfinished.pop(data["stream"], b""), whole + line]
            if rest:
                unfinished[data["stream"]] = unfinished.get(data["stream"], b"") + rest
        return b"".join([*pieces, *(line + b"\n" for line in unfinished.values())])

    def resolves(self, text, bodies):  # A.4
        file, _, rest = text.partition(":")
        if text.startswith("artifacts/") and ":" not in text:
            return text in self.held
        body, line = bodies.get(file, b""), re.fullmatch("line:([0-9]{1,18})", rest)
        named = file.endswith((".json", ".log")) if "/" in file else "." in file
        if not named or file.startswith("artifacts/") or path_is_bad(file):
            return True  # free text
        if not (line or matches(r"\$\..+", rest)):
            return True  # free text
        if line:
            return 1 <= int(line[1]) <= body.count(b"\n")
        value = json.loads(body) if body and file.endswith(".json") else MISSING
        for part in rest[2:].replace("[", ".[").split("."):
            index = matches(r"\[(0|[1-9][0-9]*)\]", part)
            value = member(value, part[1:-1] if index else part) if index == isinstance(value, list) else MISSING
        return value is not MISSING


MISSING = object()


def pick(value, names):
    return {name: value[name] for name in names}


def hashed(value):
    return None if value is None else sha256(spelled(value))


def ordered(items):
    return sorted(items, key=spelled)


def bound(data):
    return [data["name"], data["type"], data["sha256"], data["ref"] if data["sha256"] is None else None]


def metric(values):
    numbers = [value for value in values if not isinstance(value, str)] or [None]
    return {"last": values[-1], "min": min(numbers), "max": max(numbers), "count": len(values)}


def merkle(leaves):
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + merkle(leaves[:k]) + merkle(leaves[k:])).digest()


def member(place, step):
    if isinstance(place, list):
        return place[int(step)] if matches("0|[1-9][0-9]{0,17}", step) and int(step) < len(place) else MISSING
    return place.get(step, MISSING) if isinstance(place, dict) else MISSING


def without_volatile(config):
    root = json.loads(printed({"": config["value"]}), parse_int=number)  # the value hangs below the key ""
    for pointer in filter(lambda pointer: pointer.startswith("/"), config["volatile"]):
        place, step = root, ""
        for part in pointer.split("/")[1:]:
            place, step = member(place, step), part.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and member(place, step) is not MISSING:
            place[int(step)] = None
        elif isinstance(place, dict):
            place.pop(step, None)
    return root[""]


MEDIA_TYPES = """bmp image/bmp css text/css csv text/csv gif image/gif gz application/gzip htm text/html html text/html
ipynb application/x-ipynb+json jpeg image/jpeg jpg image/jpeg js text/javascript json application/json log text/plain
jsonl application/x-ndjson md text/markdown nc text/plain ndjson application/x-ndjson npz application/zip txt text/plain
parquet application/vnd.apache.parquet pdf application/pdf png image/png py text/x-python sh application/x-sh sql
application/sql sqlite application/vnd.sqlite3 svg image/svg+xml tar application/x-tar toml application/toml tsv
text/tab-separated-values wasm application/wasm webp image/webp xml application/xml yaml application/yaml yml
application/yaml zip application/zip zst application/zstd"""


def media_type(path):  # B
    _, dot, extension = path.rpartition("/")[2].rpartition(".")
    words = MEDIA_TYPES.split()
    table = dict(zip(words[::2], words[1::2], strict=True))
    return table.get(extension.lower(), "application/octet-stream") if dot else "application/octet-stream"


# 6.2 paths


def path_is_bad(path):
    parts = path.split("/")
    odd = any(re.search(r'[\x00-\x1f\x7f\\:*?"<>|]|[. ]\Z', part) or len(part.encode()) > 255 for part in parts)
    devices = any(part.partition(".")[0].rstrip(" ").lower() in DEVICES for part in parts)
    return odd or devices or "" in parts or len(path.encode()) > 1024 or not is_normalized("NFC", path)


def collide(paths):
    names = {}
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            name = "/".join(parts[:end])
            same = normalize("NFC", normalize("NFC", name).casefold())
            names.setdefault(same, set()).add((name, end == len(parts)))
    return any(len(found) > 1 for found in names.values())


# 8 verification

MANIFEST_MEMBERS = (
    "format:text run_id:run-id kind:text contract:named-version status:final-status opened_at:time closed_at:time"
    " links:links files:object* events:object outcome_digest:text ext:object"
)
ENTRY_MEMBERS = "path:text size:count sha256:sha256 media_type:any role:any"


def manifest_fault(value):
    if isinstance(value, dict) and value.get("format") != "runstone-bundle/1":
        return "unsupported_format"
    good = has(value, MANIFEST_MEMBERS, exactly=True) and not value["ext"]
    good = good and all(has(entry, ENTRY_MEMBERS, exactly=True) for entry in value["files"])
    return None if good and has(value["events"], "count:integer root:text") else "bundle_damaged"


def verify(files):
    """The faults of a bundle, as (step, code)."""
    checks = {(0, "not_a_file"): None in files.values(), (0, "path_collision"): collide(files)}
    checks[0, "invalid_path"] = any(body is not None and path_is_bad(path) for path, body in files.items())
    checks[0, "too_large"] = len(files) > FILES + 1
    manifest = None
    try:
        manifest = parse_canonical(files[MANIFEST], MANIFEST_BYTES)
        fault = manifest_fault(manifest)
    except RefusedError as exc:
        fault = exc.args[0]
    except (KeyError, AttributeError):
        fault = "missing_file"
    found = {fault for fault, is_there in checks.items() if is_there}
    if fault:
        return found | {(1, fault)}
    found |= compare_files(manifest["files"], files)
    named = {entry["path"] for entry in manifest["files"]}
    there = {path: body for path, body in files.items() if body is not None and path in named}
    if JOURNAL not in there:
        return found
    events, faults = read_journal(there[JOURNAL])
    return found | (faults or compare_folds(manifest, files[MANIFEST], Run(events), there))


def compare_files(entries, files):  # steps 0 and 2
    named = [entry["path"] for entry in entries]
    checks = {(0, "duplicate_file"): len(set(named)) < len(named) or MANIFEST in named}
    checks[0, "extra_file"] = bool(files.keys() - {*named, MANIFEST})
    bad = {path for path in named if path_is_bad(path)}
    checks[0, "invalid_path"] = bool(bad)
    checks[0, "missing_file"] = bool(set(named) - bad - files.keys()) or JOURNAL not in named
    checks[2, "missing_file"] = any(files.get(path) is not None for path in bad)
    sizes = {entry["path"]: entry["size"] for entry in entries}
    for entry in entries:
        body = None if entry["path"] in bad else files.get(entry["path"])
        if body is not None and sha256(body) != entry["sha256"]:
            unix = sha256(body.replace(b"\r\n", b"\n")) == entry["sha256"]
            checks[2, "line_ends_changed" if unix else "wrong_sha256"] = True
        if body is not None and len(body) != sizes[entry["path"]]:
            checks[0, "wrong_size"] = True
    return {fault for fault, is_there in checks.items() if is_there}


def compare_folds(manifest, manifest_bytes, run, files):  # steps 4 to 9
    contract, closed, rebuilt = run.opened["contract"], run.closed, run.manifest(files)
    redacted = sum(mark[1].startswith("redacted:") for event in run.events for mark in event.get("marks", []))
    dropped = sum(data["events"] for data in run.data("dropped"))
    own = {path: (data["sha256"], data["size"]) for path, data in run.held.items()}
    facts = {path: (sha256(body), len(body)) for path, body in files.items() if path != JOURNAL}
    checks = {
        (4, "wrong_count"): (closed["redactions"], closed["dropped"]) != (redacted, dropped),
        (5, "wrong_root"): rebuilt["events"]["root"] != manifest["events"]["root"],
        (6, "missing_file"): bool(own.keys() - facts.keys()),
        (6, "wrong_sha256"): any(facts.get(path, fact) != fact for path, fact in own.items()),
        (6, "wrong_manifest"): spelled(rebuilt) != manifest_bytes,
        (8, "wrong_outcome"): rebuilt["outcome_digest"] != manifest["outcome_digest"],
    }
    if (contract["name"], contract["version"]) == ("runstone", "1"):
        bodies, run_checks = run.documents(), run.data("check")
        sources, lenient = {**bodies, "run.log": run.log()}, closed["status"] == "interrupted"
        lenient |= any((data["id"], data["status"]) == ("evidence_resolves", "fail") for data in run_checks)
        texts = [text for data in run_checks for text in data["evidence"]]
        checks[7, "missing_file"] = bool(bodies.keys() - facts.keys())
        checks[7, "wrong_document"] = any(files.get(path, body) != body for path, body in bodies.items())
        checks[7, "extra_file"] = bool(facts.keys() - bodies.keys() - own.keys())
        checks[9, "evidence_unresolved"] = not lenient and not all(run.resolves(text, sources) for text in texts)
    return {fault for fault, is_there in checks.items() if is_there}


def read_folder(root):
    names = [path for path in Path(root).rglob("*") if path.is_symlink() or not path.is_dir()]
    plain = {path: path.is_file() and not path.is_symlink() for path in names}
    return {path.relative_to(root).as_posix(): path.read_bytes() if plain[path] else None for path in names}


if __name__ == "__main__":
    faults = sorted(verify(read_folder(sys.argv[1])))
    print("\n".join(f"{step} {code}" for step, code in faults) or "good")
    sys.exit(1 if faults else 0)
