"""Look for secrets: what clean events and clean files cost, and what is found.

- `clean event`: microseconds to look at the body of one clean event, about 240 bytes (300 as a line), a thousand in a
  row, contenders of one process in turns. Runstone's is `gate.hit`, warm, as the recorder calls it under the run's
  lock; `runstone:loops` is the same in a short process, where no matcher pays, or without hyperscan. Floor:
  `floor:search`, hyperscan called in the same way with one expression instead of some 360. What is left is the call
  from Python and the bytes; no matcher of many can cost less.
- `clean log text` and four more: gigabytes a second over clean bytes, in pieces of 1 MiB as a kept file is read, by the
  gate's scanner. Floor: SHA-256 of the same pieces, as every byte that is kept is hashed once: a search as quick
  doubles what the bytes cost. `hits` is the share of pieces in which the gate says "look closer", and `as a file` what
  is left then: the file read and looked through as when it is kept. In random base64 some `Pwd=` stands by chance.
  Peers get whole lines, 64 KiB at a time, until a bound of time; text in which a peer finds something is as slow as
  that makes it.
- `finding`: a log of 1 MB with 25 fresh secrets of each of twelve kinds: megabytes a second to find all, and `lines`,
  the share of the planted lines in which anything was reported, `whole`, the share of secrets that stand wholly in what
  was reported (Runstone: that were taken out), `false`, the lines without a secret that were reported; `missed` names
  the kinds that were not all found whole. Floor: `floor:patterns`, one `re` alternation of just these kinds.

Peers run with their own default rules through the calls that their documentation names (`bench.peers.scanners`); none
may ask a service. Each is loaded, with all that it compiles, before its time is taken.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.clock import Stopwatch
from bench.contenders import SCANNER_PEERS
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.scanners import Reported, Scanner, load_scanner
from bench.secrets_text import CLEAN, Planted, planted_log
from bench.workload import event_bodies

ROUNDS = 40
MAX_SECONDS = 2.0
CLEAN_BYTES = 32 << 20
PIECE_BYTES, PEER_PIECE_BYTES = 1 << 20, 64 << 10
LOG_BYTES = 1 << 20
EACH_KIND = 25


def given(scanner: Scanner, data: Sequence[bytes]) -> Sequence[Any]:
    """What a scanner is given: bytes, or their text."""
    return [item.decode() for item in data] if scanner.takes_text else data


def look_at_all(look: Callable[[Any], Any], items: Sequence[Any]) -> None:
    """The timed loop."""
    for item in items:
        look(item)


def measure_events(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Look at clean events, in turns of a thousand."""
    scanners = [load_scanner(name) for name in contenders]
    bodies = [given(scanner, event_bodies()) for scanner in scanners]
    watches = [Stopwatch() for _ in scanners]
    events = [0] * len(scanners)
    for _ in range(ROUNDS):
        for index, (scanner, lines, watch) in enumerate(zip(scanners, bodies, watches, strict=True)):
            if watch.wall_s < MAX_SECONDS:
                with watch:
                    look_at_all(scanner.look_line, lines)
                events[index] += len(lines)
    return [
        Measurement(
            name,
            1e6 * watch.seconds / count,
            "µs",
            details={"events": count, "reported_%": reported_of(scanner, lines), "mapping": scanner.mapping},
        )
        for name, scanner, lines, watch, count in zip(contenders, scanners, bodies, watches, events, strict=True)
    ]


def reported_of(scanner: Scanner, items: Sequence[Any]) -> float:
    """Per cent of a hundred clean items in which a scanner reports something."""
    return sum(bool(scanner.look_line(item)) for item in items[:100])


def measure_clean(make: Callable[[int], bytes], contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Gigabytes a second over clean bytes."""
    data = make(CLEAN_BYTES)
    found = []
    for name in contenders:
        scanner = load_scanner(name)
        pieces = given(scanner, whole_lines(data, PEER_PIECE_BYTES if name in SCANNER_PEERS else PIECE_BYTES))
        look, watch, looked, hits = scanner.look_text, Stopwatch(), [], 0
        look(pieces[0])
        for piece in pieces:
            with watch:
                answer = look(piece)
            looked.append(len(piece))
            hits += bool(answer)
            if watch.wall_s >= MAX_SECONDS:
                break
        details: dict[str, Any] = {"MB": sum(looked) / 1e6, "hits_%": 100 * hits / len(looked)}
        if name == "runstone":
            details["as_a_file"] = file_speed(data, scratch)
        found.append(Measurement(name, sum(looked) / watch.seconds / 1e9, "GB/s", details=details))
    return found


def whole_lines(data: bytes, size: int) -> list[bytes]:
    """Pieces of about a size, cut behind a line."""
    pieces = []
    while data:
        end = data.find(b"\n", size) + 1 or len(data)
        pieces.append(data[:end])
        data = data[end:]
    return pieces


def file_speed(data: bytes, scratch: Path) -> float | str:
    """Gigabytes a second to read a file and look through it as when it is kept, or the rule by which it is not kept."""
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.artifacts import FileReader
    from runstone.engine.search import Search

    path = scratch / "file"
    path.write_bytes(data)
    watch, rules = Stopwatch(), dict[str, None]()
    with watch:
        for _ in Search(Redactor()).watched(FileReader(str(path), hashed=False).chunks(), rules.setdefault):
            pass
    return f"not kept: {', '.join(rules)}" if rules else len(data) / watch.seconds / 1e9


def measure_finding(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Megabytes a second over a log with secrets in it, and what was found of them."""
    lines, planted = planted_log(LOG_BYTES, EACH_KIND)
    path = scratch / "log.txt"
    path.write_text("".join(line + "\n" for line in lines))
    found = []
    for name in contenders:
        scanner, watch, times = load_scanner(name), Stopwatch(), 0
        while times == 0 or watch.wall_s < MAX_SECONDS / 4:
            with watch:
                answer = scanner.find(path)
            times += 1
        speed = times * path.stat().st_size / watch.seconds / 1e6
        details = {**shares(scanner.reported(answer, lines), planted), "mapping": scanner.mapping}
        found.append(Measurement(name, speed, "MB/s", details=details))
    return found


def shares(reported: Reported, planted: Sequence[Planted]) -> dict[str, Any]:
    """Per cent of the planted lines that were reported, and of secrets that stand in what was reported."""
    texts: dict[int, list[str]] = {}
    for number, text in reported:
        texts.setdefault(number, []).append(text)
    whole = [item for item in planted if any(item.secret in text for text in texts.get(item.line, ()))]
    missed = Counter(item.kind for item in planted) - Counter(item.kind for item in whole)
    return {
        "lines_%": 100 * sum(item.line in texts for item in planted) / len(planted),
        "whole_%": 100 * len(whole) / len(planted),
        "false": len(texts.keys() - {item.line for item in planted}),
        "missed": ", ".join(f"{kind} {count}" for kind, count in sorted(missed.items())) or "nothing",
    }


ROW = Row(
    "redaction",
    "Look for secrets",
    (
        Case(
            measure_events,
            name="clean event",
            floor="floor:search",
            references=("runstone:loops",),
            peers=SCANNER_PEERS,
            targets=(Target("value", 0.6, "≤ 0.6 µs a clean event"),),
            columns=("events", "reported_%"),
        ),
        *(
            Case(
                partial(measure_clean, make),
                name=f"clean {kind}",
                floor="floor:sha256",
                references=("runstone:loops",),
                peers=SCANNER_PEERS,
                targets=(Target("value", 1.0, f"≥ 1 GB/s on clean {kind}", at_least=True),),
                columns=("as_a_file", "hits_%", "MB"),
                max_reps=3,
            )
            for kind, make in CLEAN.items()
        ),
        Case(
            measure_finding,
            name="finding",
            floor="floor:patterns",
            peers=SCANNER_PEERS,
            columns=("lines_%", "whole_%", "false", "missed"),
            max_reps=3,
        ),
    ),
)
