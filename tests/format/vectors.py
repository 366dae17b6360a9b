"""Vectors: small tables of inputs and exact outputs, for readers and writers in any language.

`outcome/*.json` are whole journals with their outcome object and digest; the others are one file a rule.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from tests.format.outcome_journals import OUTCOMES
from tests.format.surroundings import Surroundings

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import digest_of
from runstone.core.journal import Journal, JournalIndex
from runstone.core.limits import MAX_SAFE_INTEGER
from runstone.core.merkle import MerkleTree
from runstone.core.outcome import outcome
from runstone.core.parsing import load, parse_canonical, parse_json
from runstone.core.printing import PROFILES, print_json
from runstone.core.tar import tar_pieces
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from typing import Any, Final

    from tests.format.surroundings import Files

CANONICAL: Final = {
    "keys by UTF-16 code unit": '{"\\ue000":1,"\\ud83d\\ude00":2,"a":3,"":4,"A":5,"\\u20ac":6}',
    "no spaces": ' { "a" : [ 1 , true , null , { } , [ ] ] } ',
    "escapes": '"\\u0000\\u0008\\t\\n\\u000b\\f\\r\\u001f\\"\\\\\\/\\u007f\\u0080\\u2028\\ud83d\\ude00"',
    "integers": "[0,-0,9007199254740991,-9007199254740991]",
    "an integer token that is a double": "[9007199254740992,100000000000000000,1000000000000000000000]",
    "doubles": "[1.0,-0.0,0.1,1e-6,1e-7,1e20,1e21,123456789012345680000,5e-324,1.7976931348623157e308,4.50,2e-3]",
    "shortest digits": "[0.30000000000000004,9007199254740993,333333333.33333329,1e23,0.000001234,-1.5e-9]",
}
"""Name → a JSON text; the vector has its canonical form."""

REFUSED: Final = {
    "empty": b"",
    "bare word": b"nul",
    "NaN": b"NaN",
    "single quotes": b"{'a':1}",
    "comma at the end": b"[1,]",
    "leading zero": b"01",
    "no digits behind the point": b"1.",
    "plus sign": b"+1",
    "control character in text": b'"a\nb"',
    "unknown escape": b'"\\x41"',
    "text without an end": b'"a',
    "byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'"\xff"',
    "half a surrogate pair": b'"\\ud800"',
    "halves the other way round": b'"\\udc00\\ud800"',
    "surrogate as UTF-8 bytes": b'"\xed\xa0\x80"',
    "duplicate key": b'{"a":1,"a":1}',
    "duplicate key in two spellings": b'{"a":1,"\\u0061":2}',
    "two values": b"{}{}",
    "LF behind the value": b"{}\n",
    "space": b'{"a": 1}',
    "keys out of order": b'{"b":1,"a":2}',
    "code point order": '{"\ue000":1,"😀":2}'.encode(),
    "upper-case escape": b'"\\u001F"',
    "needless escape": b'"\\/"',
    "integral double with a point": b"1.0",
    "minus zero": b"-0",
    "exponent spelled another way": b"1E21",
    "2^53+1": b"9007199254740993",
    "2^53 as digits": b"9007199254740992.0",
    "beyond every double": b"1e309",
    "beyond every double, as digits": b"1" + b"0" * 309,
    "65 levels": b"[" * 65 + b"]" * 65,
}
"""Name → bytes that are not canonical JSON."""

ACCEPTED: Final = {
    "64 levels": b"[" * 64 + b"]" * 64,
    "1e17 as digits": b"100000000000000000",
    "1e20 as digits": b"100000000000000000000",
    "1e21": b"1e+21",
    "2^53": b"9007199254740992",
    "DEL as it is": b'"\x7f"',
    "empty key": b'{"":0}',
}
"""Name → bytes that are canonical JSON, though it may surprise."""

PROFILE_VALUES: Final = {
    "empty": '{"o":{},"a":[],"s":""}',
    "nested": '{"b":[1,[2,{"c":null}]],"a":{"z":true,"y":false}}',
    "keys": '{"z":1,"a":2,"\\ue000":3,"\\ud83d\\ude00":4,"\\u00e9":5}',
    "text": '"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/\\u007e\\u007f\\u0080\\u00e9\\u2028\\ud83d\\ude00"',
    "integers": "[0,-1,9007199254740991,12345678901234567890]",
    "integral doubles": "[2.0,-0.0,1e15,1e16,123456789012345680.0,1e22]",
    "fractions": "[0.1,0.5,3.14159,1.5e300,5e-324]",
    "small": "[0.001,0.0001,0.00001,0.000015,0.000123,0.000001,0.0000015,1e-10]",
}
"""Name → a JSON text in which integers and other numbers are told apart, as foreign JSON is."""

LEAVES: Final = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
"""The leaves of Certificate Transparency's own test tree, in hexadecimal."""


def vector_files() -> Files:
    """All vector files, by path."""
    files = {f"vectors/outcome/{name}.json": vector_json(_outcome(name)) for name in OUTCOMES}
    files["vectors/canonical.json"] = vector_json(_canonical())
    files["vectors/profiles.json"] = vector_json(_profiles())
    files["vectors/merkle.json"] = vector_json(_merkle())
    files["vectors/tar.json"] = vector_json(_tar())
    return files


def vector_json(value: Any) -> bytes:
    """How these files are printed: ASCII, so that no editor changes them."""
    return json.dumps(value, indent=1).encode() + b"\n"


def journal_of(data: bytes) -> Journal:
    """The journal of its bytes, as folds see it."""
    index = JournalIndex()
    index.feed(data)
    return Journal(index, lambda start, end: (data[start:end],))


def _outcome(name: str) -> dict[str, Any]:
    surroundings = Surroundings(name)
    recipe = OUTCOMES[name]
    recipe(surroundings)
    files = surroundings.sealed()
    data = files["events.jsonl"]
    value = outcome(journal_of(data))
    digest = digest_of(canonical_bytes(value))
    assert digest == load(files["manifest.json"])["outcome_digest"]
    lines = data.decode().split("\n")[:-1]
    return {"name": name, "about": recipe.__doc__, "journal": lines, "outcome": value, "outcome_digest": digest}


def _canonical() -> dict[str, Any]:
    return {
        "canonical": [
            {"name": name, "text": text, "canonical_hex": canonical_bytes(_doubles(parse_json(text.encode()))).hex()}
            for name, text in CANONICAL.items()
        ],
        "accepted": [{"name": name, "hex": _accepted(data).hex()} for name, data in ACCEPTED.items()],
        "refused": [{"name": name, "hex": data.hex(), **_refusal(data)} for name, data in REFUSED.items()],
    }


def _doubles(value: Any) -> Any:
    """Integers beyond 2^53-1 as the doubles that I-JSON reads them as."""
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    return float(value) if type(value) is int and abs(value) > MAX_SAFE_INTEGER else value


def _accepted(data: bytes) -> bytes:
    parse_canonical(data)
    return data


def _refusal(data: bytes) -> dict[str, Any]:
    try:
        parse_canonical(data)
    except RunstoneError as exc:
        return {"code": exc.code, "offset": exc.details.get("offset")}
    raise AssertionError(f"{data!r} was accepted")


def _profiles() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "text": text,
            "printed": {profile: _printed(parse_json(text.encode()), profile) for profile in PROFILES},
        }
        for name, text in PROFILE_VALUES.items()
    ]


def _printed(value: Any, profile: str) -> str | None:
    """The print, or `None` where the profile has no form for the value."""
    try:
        return print_json(value, profile).decode()
    except RunstoneError:
        return None


def _merkle() -> list[dict[str, Any]]:
    rows, tree = [], MerkleTree()
    for leaf in LEAVES:
        tree.extend([bytes.fromhex(leaf)])
        rows.append({"leaves_hex": list(LEAVES[: tree.count]), "root": tree.root()})
    return rows


def _tar() -> list[dict[str, Any]]:
    long = "artifacts/" + "long/" * 20 + "größe.txt"
    cases = {
        "two files": ("run-1", {"manifest.json": b"{}", "events.jsonl": b"x" * 513}),
        "a name past 100 bytes": ("run-2", {"manifest.json": b"{}", long: b"body\n"}),
        "an empty file": ("run-3", {"manifest.json": b"{}", "artifacts/empty": b""}),
    }
    rows = []
    for name, (run_id, files) in cases.items():
        sizes = {path: len(body) for path, body in files.items()}
        body = b"".join(tar_pieces(run_id, sizes, lambda path, files=files: [files[path]]))
        shown = {path: text.decode() for path, text in files.items()}
        digest = hashlib.sha256(body).hexdigest()
        rows.append({"name": name, "run_id": run_id, "files": shown, "size": len(body), "sha256": digest})
    return rows
