"""No secret survives, nothing else is touched, and the gate never lets one past."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable
from random import Random
from types import FrameType, ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools import rules_index

from runstone.core.canonical import canonical_bytes, canonical_text
from runstone.core.events import FIELDS
from runstone.core.limits import MAX_HELD_OUTPUT_BYTES
from runstone.core.parsing import parse_json
from runstone.core.printing import print_json
from runstone.core.redaction import gate, sieve
from runstone.core.redaction.cutting import Cutter
from runstone.core.redaction.gate import COMPILE_COST, MAX_LITERAL_BYTES, Gate
from runstone.core.redaction.names import STEMS, folded
from runstone.core.redaction.redactor import DECLARED, FAILED, MARK, Redactor
from runstone.core.redaction.rule import Rule
from runstone.core.redaction.rules import RULES
from runstone.core.redaction.rules.checksums import CHECKS
from runstone.core.redaction.ruleset import DEFAULT, ruleset_of
from runstone.core.redaction.tree import MEASURED, Walk
from runstone.core.values import COERCED, Foreign, coerce, undecoded

from . import planted, strategies

SECRETS = planted.secrets()
EXAMPLES = [(rule, example) for rule, examples in SECRETS.items() for example in examples]
LOOK_ALIKES = [(rule, text) for rule, texts in planted.look_alikes().items() for text in texts]
EACH_EXAMPLE = pytest.mark.parametrize(
    ("rule", "example"), EXAMPLES, ids=[f"{rule}-{number}" for number, (rule, _) in enumerate(EXAMPLES)]
)

# values that a caller declares: plain, with what JSON escapes, beyond ASCII, with line ends
PLAIN = planted.drawn(Random(1), planted.LETTERS, 12)
DECLARED_VALUES = [
    PLAIN,
    f'{PLAIN}"quoted\\',
    f"{PLAIN}\nsecond line\r\n\tthird",
    f"pässwörd-{PLAIN}",
    f"\U0001f511{PLAIN}\u2028",
    f"with some spaces {PLAIN}",
    f"{PLAIN}\x00\x1f",
]
PIN = 73519284

KEYS = [example.text for example in SECRETS["private-key"]]

declared = pytest.mark.parametrize("value", DECLARED_VALUES, ids=range(len(DECLARED_VALUES)))


def redacted(value: Any, redactor: Redactor | None = None) -> tuple[Any, list[list[str]]]:
    """What is recorded of a Python value, and its marks."""
    tree, marks = coerce(value)
    return (redactor or Redactor()).tree(tree, marks), marks


# the rules


EACH_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


def test_there_are_a_hundred_kinds_and_more() -> None:
    """Each with an id of its own, in the order of the ids."""
    ids = [rule.id for rule in RULES]
    assert len(ids) > 300
    assert ids == sorted(set(ids))


def test_the_index_is_that_of_the_rules() -> None:
    """What a short process looks for stands in a module that is made of the rules: `python tools/rules_index.py`."""
    assert rules_index.PLACE.read_text(encoding="utf-8") == rules_index.index_text()


@EACH_RULE
def test_a_rule_takes_its_example_and_leaves_its_counter(rule: Rule) -> None:
    """The example that stands beside the pattern is taken out; what comes near it is not taken for such a secret."""
    clean, hits = Redactor().text(f"before {rule.example}")
    assert hits
    assert "[REDACTED:" in clean
    pattern = re.compile(rule.pattern, re.ASCII)
    found = [match for match in pattern.finditer(rule.example) if passes(rule, match)]
    assert found
    assert not any(passes(rule, match) for match in pattern.finditer(rule.counter))
    assert all(match[secret_group(rule)] not in clean for match in found)


@EACH_RULE
def test_the_gate_hits_the_line_of_each_example(rule: Rule) -> None:
    """Cold and warm, as text in a line and as JSON in text in a line."""
    for line in (canonical_bytes(rule.example), canonical_bytes({"$json": json.dumps(rule.example)})):
        assert REDACTOR.gate.looks(line)
        assert WARM.hit(line)


def secret_group(rule: Rule) -> int | str:
    return "secret" if "(?P<secret>" in rule.pattern else 0


def passes(rule: Rule, match: re.Match[str]) -> bool:
    return rule.check is None or CHECKS[rule.check](match[secret_group(rule)])


@EACH_RULE
@settings(max_examples=10)
@given(data=st.data())
def test_every_match_holds_an_anchor(rule: Rule, data: st.DataObject) -> None:
    """Text without any of a rule's anchors need not be tried: so each match must hold one."""
    text = data.draw(st.from_regex(re.compile(rule.pattern, re.ASCII), alphabet=st.characters(codec="ascii")))
    assert any(anchor in (folded(text) if rule.folds else text) for anchor in rule.anchors)


@EACH_EXAMPLE
def test_a_rule_takes_its_secret(rule: str, example: planted.Planted) -> None:
    """The secret goes, the rule's name stands in its place, and nothing else is touched."""
    before, after = "before ", " after"
    text, hits = Redactor().text(before + example.text + after)
    assert hits == [rule]
    assert example.secret not in text
    assert text.startswith(before)
    assert text.endswith(after) or rule == "private-key"
    kept, _, rest = example.text.partition(example.secret)
    if rule != "private-key":
        assert text.startswith(f"{before}{kept}[REDACTED:{rule}]")
        assert text.endswith(f"]{rest.lstrip('=')}{after}")


@pytest.mark.parametrize(
    ("rule", "text"), LOOK_ALIKES, ids=[f"{rule}-{at}" for at, (rule, _) in enumerate(LOOK_ALIKES)]
)
def test_a_rule_leaves_a_look_alike(rule: str, text: str) -> None:
    """One character short, a word character in front, another alphabet: not a secret."""
    assert Redactor().text(f"before {text} after") == (f"before {text} after", [])


def test_two_secrets_side_by_side_both_go() -> None:
    """Secrets of one rule and of several, in one text."""
    first, second = planted.secrets(1), planted.secrets(2)
    parts = [
        example
        for rule in ("github-token", "jwt", "url-password", "bearer-token")
        for example in (first[rule][0], second[rule][0])
    ]
    text, hits = Redactor().text("\n".join(part.text for part in parts))
    assert len(hits) == len(parts)
    assert not any(part.secret in text for part in parts)


@EACH_EXAMPLE
def test_redaction_is_idempotent(rule: str, example: planted.Planted) -> None:
    """What was redacted once passes as it is: reading a record through a redactor changes nothing."""
    once, _ = Redactor().text(f"x {example.text} y")
    assert Redactor().text(once) == (once, [])


def test_the_ruleset_names_the_rules_and_no_secret() -> None:
    """The digest in `run.opened` changes with a rule, and not with what was declared."""
    assert Redactor({PLAIN: DECLARED}).ruleset == Redactor().ruleset == DEFAULT.as_dict()
    assert ruleset_of(RULES[:-1]).sha256 != ruleset_of(RULES).sha256 == DEFAULT.sha256


# declared values


@declared
def test_a_declared_value_goes_wherever_it_stands(value: str) -> None:
    """In text, in keys, beside other text, in bytes, in text that is not UTF-8, nested: no spelling of it survives."""
    redactor = Redactor({value: DECLARED})
    tree, marks = redacted(
        {
            "text": f"a{value}b{value}",
            value: 1,
            "deep": [{"k": [value]}],
            "bytes": b"\xff" + value.encode() + b"\x00",
            "broken": f"\udcff{value}",
            "json": canonical_text({"inner": value}),
            "ascii": json.dumps({"inner": value}),
        },
        redactor,
    )
    line = canonical_text(tree)
    for form in (
        value,
        canonical_text(value)[1:-1],
        undecoded(value),
        canonical_text(undecoded(value))[1:-1],
        json.dumps(value)[1:-1],
    ):
        assert form not in line
        assert canonical_text(form)[1:-1] not in line
    assert {pointer for pointer, mark in marks if mark == "redacted:declared"} == {
        "/text", "/[REDACTED:declared]", "/deep/0/k/0", "/bytes", "/broken", "/json", "/ascii",
    }  # fmt: skip


def test_an_environment_value_names_its_own_rule() -> None:
    """Where a value came from is told, not what it is."""
    assert Redactor({PLAIN: "environment"}).text(f"<{PLAIN}>") == ("<[REDACTED:environment]>", ["environment"])


def test_a_value_inside_another_leaves_no_rest() -> None:
    """The longer value goes first, so that its tail does not survive the shorter one."""
    redactor = Redactor({PLAIN: DECLARED, PLAIN + "-and-more": DECLARED})
    assert redactor.text(f"{PLAIN}-and-more {PLAIN}")[0] == "[REDACTED:declared] [REDACTED:declared]"


def test_a_password_that_begins_with_a_declared_value_goes_whole() -> None:
    """A rule's match that is only in part redacted already is redacted to its end."""
    text, _ = Redactor({PLAIN: DECLARED}).text(f"https://u:{PLAIN}tail@host")
    assert "tail" not in text


@pytest.mark.parametrize("value", ["abc\udcff\udc80", "\ud800" + PLAIN], ids=ascii)
def test_a_value_that_is_not_unicode_is_found_as_it_is_recorded(value: str) -> None:
    """An environment variable may hold any bytes; its value goes in the form in which such text is recorded."""
    redactor = Redactor({value: "environment"})
    tree, _ = redacted({"text": f"<{value}>", "bytes": undecoded(value).encode("latin-1")}, redactor)
    assert tree == {"text": "<[REDACTED:environment]>", "bytes": "[REDACTED:environment]"}


# trees


@EACH_EXAMPLE
def test_a_secret_goes_from_every_kind_of_leaf(rule: str, example: planted.Planted) -> None:
    """Text, a key, bytes and foreign JSON: the record holds the rule's name, and a mark says where."""
    tree, marks = redacted(
        {"text": example.text, "list": [[example.text]], "bytes": example.text.encode(), "key": {example.text: 1}}
    )
    assert canonical_text(example.secret)[1:-1] not in canonical_text(tree)
    assert {pointer for pointer, mark in marks if mark == f"redacted:{rule}"} >= {"/text", "/list/0/0", "/bytes"}
    assert [mark for pointer, mark in marks if pointer.startswith("/key/")] == [f"redacted:{rule}"]


@pytest.mark.parametrize("encoding", [None, "utf-16-le", "utf-32-be"])
@given(
    lines=st.lists(st.sampled_from(["", "plain", DECLARED_VALUES[2], f"{PLAIN}\n{PLAIN}", *KEYS]), max_size=8),
    ended=st.booleans(),
)
def test_each_line_is_found_again(encoding: str | None, lines: list[str], ended: bool) -> None:
    """`lined` takes out what `text` does; a line without a secret stands where it says, of one with a secret a mark."""
    text = "\n".join(lines) + "\n" * ended
    if encoding is not None:
        text = text.encode(encoding).decode("latin-1")
    redactor = Redactor({DECLARED_VALUES[2]: DECLARED, f"{PLAIN}\n{PLAIN}": DECLARED})
    clean, numbers = redactor.lined(text)
    assert clean == redactor.text(text)[0]
    assert len(numbers) == text.count("\n") + 1
    found = clean.split("\n")
    assert numbers[-1] == len(found) - 1
    for line, number in zip(text.split("\n"), numbers, strict=True):
        assert found[number] == line or MARK in found[number].replace("\0", "")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(("rule", "example"), EXAMPLES[::5])
def test_a_secret_goes_from_wide_text(rule: str, example: planted.Planted, encoding: str) -> None:
    """Of text that was read a byte a character, and of bytes; what is left is as wide, and is redacted no further."""
    redactor = Redactor()
    wide = f"a {example.text} z".encode(encoding)
    for value in (wide, wide.decode("latin-1"), {wide.decode("latin-1"): 1}):
        tree, marks = redacted(value, redactor)
        assert f"redacted:{rule}" in {mark for _, mark in marks}
        assert redacted(tree, redactor)[0] == tree
    clean = redactor.text(wide.decode("latin-1"))[0].encode("latin-1").decode(encoding)
    assert clean == redactor.text(f"a {example.text} z")[0]
    assert redactor.gate.hit(canonical_bytes(wide.decode("latin-1")))


def test_zeros_between_words_make_no_wide_text() -> None:
    """`find -print0` beside a name: what stands behind the zero is given to nothing."""
    assert Redactor().text("api\0_key\0=x\0/tmp/abcdefghij\0")[1] == []


def test_clean_bytes_are_base64() -> None:
    """Bytes are scanned before they are encoded; clean ones are recorded whole."""
    assert redacted({"b": bytes(range(256))})[0]["b"].keys() == {"$bytes"}


def test_the_mark_tells_nothing_of_the_secret() -> None:
    """Secrets of any length leave the same record."""
    short, long = (Redactor({value: DECLARED}).tree({"a": value, value: 0}, []) for value in (PLAIN[:5], PLAIN * 9))
    assert short == long


@pytest.mark.parametrize("text", ["[REDACTED:{}]", "[REDACTED:x:{}]", "[REDACTED:declared:{}]"])
def test_what_only_looks_like_a_mark_hides_nothing(text: str) -> None:
    """A rule that is none, a value for a pseudonym; a second pass finds nothing more."""
    value = "0123456789ab"
    redactor = Redactor({value: DECLARED, "github": DECLARED})
    clean = redactor.text(f"a {text.format(value)} z")[0]
    assert value not in clean
    assert redactor.text(clean) == (clean, [])
    assert redactor.text("[REDACTED:github-token] [REDACTED:github-token:00ff00ff00ff]")[1] == []


def test_two_secrets_of_one_rule_in_one_text_are_one_mark() -> None:
    """`run.closed` counts marks; a mark stands once for a place and a rule."""
    first, second = planted.secrets(1)["github-token"][0], planted.secrets(2)["github-token"][0]
    _, marks = redacted({"text": f"{first.text} {second.text}", first.text: first.text})
    assert sorted(marks) == [["/[REDACTED:github-token]", "redacted:github-token"], ["/text", "redacted:github-token"]]


def test_keys_that_become_the_same_are_both_kept() -> None:
    """Two secret keys keep their values apart, and no pointer shows a secret key."""
    first, second = planted.secrets(1)["npm-token"][0].text, planted.secrets(2)["npm-token"][0].text
    tree, marks = redacted({first: {"n": float("nan")}, second: 2})
    assert tree == {"[REDACTED:npm-token]": {"n": "NaN"}, "[REDACTED:npm-token]#2": 2}
    assert ["/[REDACTED:npm-token]/n", "coerced"] in marks
    assert not any(first in pointer or second in pointer for pointer, _ in marks)


def test_a_mark_stays_with_its_own_member() -> None:
    """A member that is spelled like a redacted key gives way to it, and takes none of its marks along."""
    secret = planted.secrets(1)["npm-token"][0].text
    tree, marks = redacted({secret: float("nan"), "[REDACTED:npm-token]": {"n": float("inf")}})
    assert tree == {"[REDACTED:npm-token]": "NaN", "[REDACTED:npm-token]#2": {"n": "Infinity"}}
    assert sorted(marks) == [
        ["/[REDACTED:npm-token]", "coerced"],
        ["/[REDACTED:npm-token]", "redacted:npm-token"],
        ["/[REDACTED:npm-token]#2/n", "coerced"],
    ]


def test_what_is_clean_is_not_touched() -> None:
    """Numbers, text and order of keys come out as they went in, without a mark."""
    value = {"b": [1, 2.5, None, True, "text"], "a": {"k": "a://b"}}
    assert redacted(copy.deepcopy(value)) == (value, [])
    assert list(redacted(value)[0]) == ["b", "a"]


# numbers


@pytest.mark.parametrize("value", [PIN, -PIN, float(PIN), PIN + 0.5])
def test_a_number_that_spells_a_value_goes(value: float) -> None:
    """A PIN does not survive because it is not quoted: the number becomes text, and a mark says where."""
    redactor = Redactor({str(PIN): DECLARED})
    tree, marks = redacted({"value": {"pin": value, "list": [value], "size": value}}, redactor)
    mark = "[REDACTED:declared]"
    assert tree == {"value": {"pin": mark, "list": [mark], "size": mark}}
    assert sorted(marks) == [[f"/value/{name}", "redacted:declared"] for name in ("list/0", "pin", "size")]


@pytest.mark.parametrize("value", [PIN * 10, PIN + 10**12, PIN // 10, True])
def test_a_number_that_only_has_its_digits_stays(value: int) -> None:
    """Another number is no secret: else any long measurement would be one."""
    assert redacted({"value": value}, Redactor({str(PIN): DECLARED, "True": DECLARED})) == ({"value": value}, [])


@pytest.mark.parametrize(("secret", "value"), [("0.7351", 0.7351), ("1e+30", 1e30), ("-7351", -7351)])
def test_a_value_may_be_any_number_text(secret: str, value: float) -> None:
    """As the line spells it: with its sign, its fraction, its exponent."""
    assert redacted([value], Redactor({secret: "environment"}))[0] == ["[REDACTED:environment]"]


def test_a_number_in_foreign_json_goes() -> None:
    """The payload stays, without the number; its name makes no difference."""
    tree, marks = redacted({"plan": Foreign({"size": PIN, "n": 2}, "compact-utf8")}, Redactor({str(PIN): DECLARED}))
    assert tree == {"plan": {"$json": '{"size":"[REDACTED:declared]","n":2}'}}
    assert marks == [["/plan/$json/size", "redacted:declared"]]


def test_what_the_kernel_counts_stays_a_number() -> None:
    """A file of 4096 bytes is recorded, and a run is closed, though some variable that says secret is `4096`."""
    facts = dict.fromkeys(MEASURED, 4096)
    assert redacted(facts, Redactor({"4096": "environment"})) == (facts, [])


def test_what_the_kernel_counts_is_all_that_must_be_a_number() -> None:
    """Fields that refuse text, but for those whose number a caller chose: their event is left out, not written."""
    numbers = {
        name
        for kind, fields in FIELDS.items()
        for name, fits in fields.items()
        if (kind, name) not in {("metric", "step"), ("state", "step"), ("score", "value")}
        and fits(4096)
        and not fits("[REDACTED:declared]")
    }
    assert numbers == MEASURED


# foreign JSON


@pytest.mark.parametrize("profile", ["py-compact-ascii", "py-compact-utf8", "py-pretty-utf8", "compact-utf8"])
@declared
def test_foreign_json_is_redacted_as_a_tree(profile: str, value: str) -> None:
    """The secret goes before the text is printed; a mark's pointer goes on through the parsed payload."""
    redactor = Redactor({value: DECLARED})
    tree, marks = redacted({"plan": Foreign({"a": [f"x{value}", 2.0], "n": 2}, profile)}, redactor)
    assert parse_json(tree["plan"]["$json"].encode()) == {"a": ["x[REDACTED:declared]", 2.0], "n": 2}
    assert marks == [["/plan/$json/a/0", "redacted:declared"]]


def test_a_secret_that_only_the_print_shows_drops_the_payload() -> None:
    """Numbers and text side by side may spell a secret that no leaf holds: then nothing of it is written."""
    redactor = Redactor({"[12345,67890]": DECLARED})
    tree, marks = redacted({"plan": Foreign([12345, 67890], "py-compact-utf8"), "other": 1}, redactor)
    assert tree == {"plan": {"$redacted": FAILED}, "other": 1}
    assert marks == [["/plan", f"redacted:{FAILED}"]]


def test_clean_foreign_json_keeps_its_bytes() -> None:
    """`2.0` stays `2.0`: that is why it is text."""
    assert redacted(Foreign({"b": 2.0, "a": "é"}, "py-compact-utf8")) == ({"$json": '{"a":"é","b":2.0}'}, [])


@pytest.mark.parametrize(
    ("value", "text", "pointer"),
    [
        ({"a": "x\ud800", "n": 2.0}, '{"a":"xí\xa0\x80","n":2.0}', "/a"),
        ({"n": 2.0, "\ud800": 1}, '{"n":2.0,"í\xa0\x80":1}', "/í\xa0\x80"),
        ([float("nan"), 2.0], '["NaN",2.0]', "/0"),
        ({1: 2.0}, '{"1":2.0}', "/1"),
        (("a", 2.0), '["a",2.0]', ""),
    ],
)
def test_a_foreign_payload_that_is_no_json_is_marked(value: Any, text: str, pointer: str) -> None:
    """It is made JSON as any other value is; nothing is lost without a word, and its secrets go all the same."""
    tree, marks = redacted({"plan": Foreign(value, "py-compact-utf8"), "kept": 1})
    assert (tree, marks) == ({"plan": {"$json": text}, "kept": 1}, [[f"/plan/$json{pointer}", COERCED]])
    tree, marks = redacted(Foreign([value, f"y{PLAIN}"], "py-compact-utf8"), Redactor({PLAIN: DECLARED}))
    assert PLAIN not in tree["$json"]
    assert sorted(marks) == sorted([[f"/$json/0{pointer}", COERCED], ["/$json/1", f"redacted:{DECLARED}"]])


# a redactor that fails


def test_a_redactor_that_fails_drops_the_value() -> None:
    """A pattern that cannot be compiled, a depth without end: what was not looked at is not written."""
    rule = Rule("broken", "a pattern", "(", ("needle",), example="", counter="", source="none")
    broken = Redactor(ruleset=ruleset_of((rule,)))
    tree, marks = redacted({"a": {"b": "a needle"}, "c": "clean"}, broken)
    assert tree == {"$redacted": FAILED}
    assert marks == [["", f"redacted:{FAILED}"]]


def test_foreign_json_that_cannot_be_printed_is_dropped() -> None:
    """Of a payload whose profile nobody knows nothing is written."""
    tree, marks = redacted(Foreign([PLAIN], "py-unknown"), Redactor())
    assert tree == {"$redacted": FAILED}
    assert marks == [["", f"redacted:{FAILED}"]]


# the gate

fragments = st.one_of(
    strategies.odd_text,
    st.sampled_from([example.text for _, example in EXAMPLES]),
    st.sampled_from([text for _, text in LOOK_ALIKES]),
    st.sampled_from(DECLARED_VALUES),
    st.sampled_from([value[: len(value) // 2] for value in DECLARED_VALUES]),
    st.sampled_from(DECLARED_VALUES).map(json.dumps),
    st.sampled_from(DECLARED_VALUES).map(canonical_text),
    st.sampled_from(DECLARED_VALUES).map(undecoded),
)
texts = st.lists(fragments, max_size=3).map("".join)
trees = st.recursive(
    st.one_of(texts, st.integers(-5, 5), st.sampled_from([PIN, -PIN, PIN + 0.5, PIN * 10, float(PIN)]), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
REDACTOR = Redactor(dict.fromkeys([*DECLARED_VALUES, str(PIN)], DECLARED))
CUTTER = Cutter(REDACTOR)
WARM = Redactor(dict.fromkeys([*DECLARED_VALUES, str(PIN)], DECLARED)).gate
WARM.warm()
NO_RULES = ruleset_of(())
RULES_ONLY = Redactor().gate
RULES_ONLY.warm()
VALUE = "hunter2-Xq9"
ANYTHING = (list(RULES), True)


def changes(redactor: Redactor, tree: Any) -> bool:
    """Whether a redactor that passes nothing over would change a tree."""
    return Walk(redactor, ANYTHING).clean(tree) != tree


@given(texts)
def test_the_gate_hits_the_line_of_whatever_text_is_redacted(text: str) -> None:
    """A line escapes what its text holds, also where that is escaped already: the gate sees through it."""
    if REDACTOR.clean(text, ANYTHING)[1]:
        assert REDACTOR.gate.hit(canonical_bytes(text))
        assert REDACTOR.gate.hit(text.encode())


@given(trees)
def test_the_gate_hits_whatever_the_redactor_would_change(value: Any) -> None:
    """A clean answer of the gate on the encoded line is a proof: the redactor would not have changed anything."""
    tree, _ = coerce(value)
    if changes(REDACTOR, tree):
        assert REDACTOR.gate.hit(canonical_bytes(tree))


FOREIGN = ["py-compact-utf8", "py-compact-ascii", "compact-utf8"]
FOREIGN_SECRETS = Redactor(dict.fromkeys(DECLARED_VALUES, DECLARED))  # none a number: those are looked for in each tree


def recorded_foreign(value: Any, profile: str, *, warm: bool) -> Any:
    """What is recorded of foreign JSON, once it is compared with what a walk through all of it leaves."""
    tree, _ = coerce(value)
    clean = Walk(FOREIGN_SECRETS, ANYTHING).clean(tree)
    with pytest.MonkeyPatch.context() as patch:
        if not warm:
            patch.setattr(sieve, "_numbers", lambda *_: None)
        found, marks = redacted({"plan": Foreign(tree, profile)}, FOREIGN_SECRETS)
    assert found["plan"] in ({"$json": print_json(clean, profile).decode()}, {"$redacted": FAILED})
    assert bool(marks) == (found["plan"] != {"$json": print_json(tree, profile).decode()})
    return found


@given(trees, st.sampled_from(FOREIGN), st.booleans())
def test_foreign_json_is_looked_through_as_text(value: Any, profile: str, warm: bool) -> None:
    """As it is printed: what would be taken out of its members is seen in that, and else nothing is walked through.
    The same by literals as by the matcher."""
    assert gate.has_matcher(DEFAULT)
    recorded_foreign(value, profile, warm=warm)


@pytest.mark.parametrize(
    "before", ["\u00a0", "\u5bc6\u7801", "x\x7f", "\U0001f511", "\u2028", "a\x01", "\t"], ids=ascii
)
@pytest.mark.parametrize("stem", [*STEMS, "api_key"])
def test_a_name_glued_to_what_json_escapes_is_seen_in_foreign_json(stem: str, before: str) -> None:
    """The escape ends with letters and digits, which are none of the name; also of JSON within it."""
    for name in (stem, stem.upper(), stem.title()):
        for text in (f"{before}{name}={VALUE}", f"{before}{name}: {VALUE}", f"--x {before}{name}='{VALUE}'{before}"):
            for value in ({"note": text}, {f"{before}{name}": VALUE}, {"note": json.dumps(text)}):
                for profile in FOREIGN:
                    warm = recorded_foreign(value, profile, warm=True)
                    assert warm == recorded_foreign(value, profile, warm=False)
        if stem in ("pwd", "token", "api_key", "secret"):
            assert VALUE not in str(recorded_foreign({"note": f"{before}{name}={VALUE}"}, FOREIGN[1], warm=True))


@given(trees)
def test_both_gates_hit_what_is_redacted(value: Any) -> None:
    """The matcher that is compiled and the loop over literals may hit more than they must, and never less."""
    tree, _ = coerce(value)
    if changes(REDACTOR, tree):
        line = canonical_bytes(tree)
        assert WARM.hit(line)
        assert WARM.looks(line)


WORDS = (
    *("pass", "PASS", "Pass", "auth", "AUTH", "pwd", "PWD", "Pwd", "token", "tokens", "Token"),
    *("api", "API", "key", "KEY", "Key", "secret", "db", "dbpass", "SSHPASS", "Copy"),
)
pieces = st.sampled_from([*WORDS, "\x1b[m", "\x1b[1;36m", *'xXS2é_- .:"\x07\t\\'])
odd_names = st.lists(pieces, min_size=1, max_size=5).map("".join)
GIVEN = ['{}="hunter2-Xq9"', "{}: hunter2-Xq9", "--{} hunter2-Xq9", "<{}>hunter2-Xq9</x>", '{{"{}": "hunter2-Xq9"}}']


@settings(max_examples=1000)
@given(odd_names, st.sampled_from(GIVEN))
def test_the_gate_hits_whatever_a_name_is_given(name: str, form: str) -> None:
    """As a member, as the member beside `value`, before the value in a list, and in text, however the name is made."""
    text = form.format(name, VALUE)
    for value in ({name: VALUE}, {"name": name, "value": VALUE}, [f"--{name}", VALUE], {"a": text}):
        tree, _ = coerce(value)
        if changes(Redactor(), tree):
            line = canonical_bytes(tree)
            assert RULES_ONLY.hit(line)
            assert RULES_ONLY.looks(line)
    if Redactor().clean(text, ANYTHING)[1]:
        assert RULES_ONLY.hit(text.encode())
        assert RULES_ONLY.looks(text.encode())


COMMANDS = [
    (["/usr/bin/docker", "login", "-u", "bob", "-p", VALUE, "registry.example.org"], 5),
    (["mongosh", "-p", VALUE], 2),
    (["redis-cli", "-h", "a b", "-a", VALUE, "get"], 4),
    (["sshpass", "-p", VALUE, "ssh", "-p", "2222", "db"], 2),
    (["mysql", "-uroot", f"-p{VALUE}", "ledger"], 2),
    (["curl", "-s", "-u", f"bob:{VALUE}", "https://example.org"], 3),
]


@pytest.mark.parametrize(("command", "index"), COMMANDS, ids=[command[0] for command, _ in COMMANDS])
@pytest.mark.parametrize("wrapped", [lambda argv: {"argv": argv}, lambda argv: [argv], lambda argv: argv])
def test_the_short_option_of_a_known_command(command: list[str], index: int, wrapped: Callable[[Any], Any]) -> None:
    """`-p x` in a list of arguments, and as one text; nothing else of the command is touched."""
    clean, marks = redacted(wrapped(command))
    (pointer, mark) = marks[0]
    assert len(marks) == 1
    assert pointer.endswith(f"/{index}")
    rule = mark.removeprefix("redacted:")
    expected = [item.replace(VALUE, f"[REDACTED:{rule}]") for item in command]
    assert clean == wrapped(expected)
    assert Redactor().text(" ".join(command))[0] == " ".join(expected)
    for line in (canonical_bytes(wrapped(command)), canonical_bytes({"$json": json.dumps(command)})):
        assert RULES_ONLY.hit(line)
        assert RULES_ONLY.looks(line)


@pytest.mark.parametrize(
    "command",
    [
        ["docker", "run", "-p", "8080:80", "image"],
        ["mkdir", "-p", "some/folder"],
        ["ssh", "-p", "2222", "db"],
        ["mysql", "-u", "root", "-p", "ledger"],
        ["docker", "login", "-p", "$PASSWORD"],
        ["docker", "login", "-p", "--username", "bob"],
        ["curl", "-u", "bob:$PASSWORD", "https://example.org"],
    ],
    ids=" ".join,
)
def test_the_short_option_of_another_command(command: list[str]) -> None:
    """A port, a folder, a database, a variable: left alone."""
    assert redacted(command) == (command, [])
    assert Redactor().text(" ".join(command)) == (" ".join(command), [])


arguments = st.lists(
    st.sampled_from(["docker", "login", "-p", "-u", "a b -p", "curl", "-a", "redis-cli", "mysql", f"-p{VALUE}", VALUE]),
    min_size=2,
    max_size=6,
)


@settings(max_examples=300)
@given(arguments)
def test_the_gate_hits_whatever_a_command_is_given(command: list[str]) -> None:
    """Wherever the walk changes a list of arguments."""
    if changes(Redactor(), command):
        assert RULES_ONLY.hit(canonical_bytes(command))
        assert RULES_ONLY.looks(canonical_bytes(command))


@pytest.mark.parametrize("sample", ["sk_live_" + "x" * 24, "glpat-" + "X" * 20, "sk_test_" + "0" * 32])
def test_a_sample_of_a_token_is_none(sample: str) -> None:
    """One character over and over."""
    assert Redactor().text(f"key {sample} here") == (f"key {sample} here", [])


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=8), min_size=1, max_size=4),
    strategies.text,
)
def test_any_literal_is_found_by_both_gates(literals: list[str], text: str) -> None:
    """No character is special to the matcher: a literal matches its own bytes and nothing else."""
    watched = Gate(NO_RULES, literals)
    cold = watched.hit
    watched.warm()
    line = canonical_bytes(text)
    assert watched.hit(line + literals[0].encode() + line)
    assert watched.hit(line) == cold(line)


def test_a_gate_that_has_seen_enough_is_compiled() -> None:
    """After some megabytes the answer comes from the matcher, and is the same."""
    watched = Gate(NO_RULES, {"needle"})
    first = watched.hit
    for _ in range(COMPILE_COST // 10_000):
        assert not watched.hit(b"x" * 10_000)
    assert watched.hit != first
    assert watched.hit(b"a needle here")


def test_a_search_within_a_search_takes_nothing_from_it() -> None:
    """A signal handler records at any line of it: the line under way is a hit all the same, and so is the handler's."""
    watched = Gate(NO_RULES, {"needle"})
    watched.warm()
    seen: set[tuple[str, int]] = set()
    more = True
    while more:
        more = False

        def traced(frame: FrameType, event: str, _: object) -> Any:
            nonlocal more
            place = (frame.f_code.co_name, frame.f_lineno)
            if event == "line" and frame.f_code.co_filename.endswith("gate.py") and not more and place not in seen:
                more = True
                seen.add(place)
                sys.settrace(None)
                assert watched.hit(b"a needle of the handler")
                watched.hit(b"clean")
            return traced

        sys.settrace(traced)
        found = watched.hit(b"a needle here")
        sys.settrace(None)
        assert found
    assert {"report", "hit"} <= {name for name, _ in seen}


@pytest.mark.parametrize("size", [63, 64, 65, 4_100, 100_000])
def test_a_long_value_is_found_by_its_beginning(size: int) -> None:
    """A certificate or a service account's JSON as a secret: the matcher takes it, and hits."""
    value = ("s\u00fcß" * size)[:size]
    watched = Redactor({value: DECLARED}).gate
    assert max(map(len, watched.literals)) <= MAX_LITERAL_BYTES
    assert watched.hit(f"<{value}>".encode())
    watched.warm()
    assert watched.hit(f"<{value}>".encode())
    assert not watched.hit(b"clean")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        RuntimeError("the matcher refuses"),
        ImportError("a broken installation"),
        AttributeError("it is being imported"),
    ],
)
def test_without_a_matcher_the_loop_answers(broken: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not installed, or it fails while it is built, or a signal handler records while it is imported: recording goes on
    with the slow gate."""

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise broken or AssertionError

    monkeypatch.setitem(sys.modules, "hyperscan", None if broken is None else Broken())
    for asked_before in ("_passed", "_due"):  # a process asks for it but a few times
        monkeypatch.setattr(gate, asked_before, {})
    watched = Gate(NO_RULES, {"a needle that nobody compiled"})
    for _ in range(3):
        assert not watched.hit(b"x" * COMPILE_COST)
        assert watched.hit(b"here is a needle that nobody compiled")


def test_what_is_being_imported_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler that records while the sieve is imported: the rules alone find the same."""
    token = SECRETS["github-token"][0].secret
    redactor = Redactor()
    redactor.gate.warm()
    expected = redactor.tree({"text": token, "n": 1}, [])
    assert token not in str(expected)
    name = "runstone.core.redaction.sieve"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))  # begun, and nothing of it is there
    assert redactor.tree({"text": token, "n": 1}, []) == expected
    assert redactor.tree({"text": "clean"}, []) == {"text": "clean"}


def test_a_search_that_nobody_holds_is_taken_again() -> None:
    """Not before: two scanners never share one."""
    watched = Redactor().gate
    watched.warm()
    first, second = watched.scanner(), watched.scanner()
    searches = {first.hit, second.hit}
    assert len(searches) == 2
    del first
    third = watched.scanner()
    assert third.hit in searches - {second.hit}
    assert not third.hit(b"clean")


def test_a_scanner_leaves_the_gate_alone() -> None:
    """Each scanner has a search of its own, and what means something in a journal line only is no hit for it."""
    watched = Redactor({PLAIN: DECLARED}).gate
    watched.warm()
    first, second = watched.scanner(), watched.scanner()
    assert first.hit != second.hit != watched.hit
    for scanner in (first, second):
        assert scanner.hit(PLAIN.encode())
        assert not scanner.hit(b'{"$schema":1}')
    assert watched.hit(b'{"$schema":1}')


def test_a_cold_scanner_answers_as_a_warm_one() -> None:
    """A small file is searched before anything was compiled."""
    cold = Redactor({f"cold {PLAIN}": DECLARED}).gate.scanner()
    assert cold.hit(f"a cold {PLAIN}".encode())
    assert not cold.hit(b'{"$schema":1}')
    assert not cold.hit(b"x" * 100_000 + b'"$')
    assert cold.hit(b"x" * 100_000 + f"cold {PLAIN}".encode())


def test_compiled_secrets_are_not_hoarded() -> None:
    """One set of literals is compiled at a time; an older one, with its secrets, is let go."""
    for number in range(3):
        Gate(NO_RULES, {f"needle {number}"}).warm()
    assert len(gate._literals) == 1


@given(trees)
def test_no_planted_secret_survives(value: Any) -> None:
    """Whatever the tree looked like, neither a declared value nor a rule's secret stands in what is recorded."""
    tree, marks = coerce(value)
    clean = REDACTOR.tree(tree, marks)
    again = REDACTOR.tree(clean, [])
    assert again == clean
    line = canonical_text(clean)
    for secret in DECLARED_VALUES:
        assert canonical_text(secret)[1:-1] not in line


# streams


def through_a_stream(redactor: Redactor, chunks: list[bytes]) -> tuple[bytes, int]:
    """What is recorded of a stream read in these chunks, and the most that ever waited."""
    cutter, held, out, most = Cutter(redactor), b"", [], 0
    for chunk in chunks:
        held += chunk
        end = cutter.safe_end(held)
        out.append(redactor.text(held[:end].decode("latin-1"))[0])
        held = held[end:]
        most = max(most, len(held))
    out.append(redactor.text(held.decode("latin-1"))[0])
    return "".join(out).encode("latin-1"), most


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places}) if data else []
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


STREAM_SECRETS = [example for _, example in EXAMPLES] + [planted.Planted(value, value) for value in DECLARED_VALUES]


@given(
    st.lists(st.sampled_from(STREAM_SECRETS), min_size=1, max_size=4),
    st.lists(
        st.sampled_from(["\n", " ", "\r\n", "", "noise ", "=", "\t", "line\n", "-----END ", "é"]),
        min_size=5,
        max_size=5,
    ),
    st.lists(st.integers(0, 5000), max_size=12),
)
def test_no_cut_lets_a_secret_through(secrets: list[planted.Planted], between: list[str], places: list[int]) -> None:
    """However the output is read, cutting it at `safe_end` records no secret that one read of all would have taken."""
    text = "".join(noise + secret.text for noise, secret in zip(between, secrets, strict=False)) + between[-1]
    data = text.encode()
    at_once = REDACTOR.text(data.decode("latin-1"))[0].encode("latin-1")
    recorded, _ = through_a_stream(REDACTOR, cut(data, places))
    for secret in secrets:
        if secret.secret.encode() not in at_once:
            assert secret.secret.encode() not in recorded


@EACH_EXAMPLE
def test_no_single_cut_lets_a_secret_through(rule: str, example: planted.Planted) -> None:
    """Every place at which one secret can be cut in two reads."""
    data = b"first line\nbefore " + example.text.encode() + b" after\nlast line\n"
    for place in range(len(data)):
        recorded, _ = through_a_stream(REDACTOR, [data[:place], data[place:]])
        assert example.secret.encode() not in recorded


@EACH_EXAMPLE
@pytest.mark.parametrize("size", [1, 3, 50])
def test_no_dripping_lets_a_secret_through(rule: str, example: planted.Planted, size: int) -> None:
    """Output that comes in drops: what was held once is held on until it is whole; a key's last line says nothing."""
    data = b"first line\n" + example.text.encode() + b"\nlast line\n"
    recorded, _ = through_a_stream(REDACTOR, [data[at : at + size] for at in range(0, len(data), size)])
    assert not any(
        line in recorded for line in example.secret.encode().splitlines() if not line.startswith(b"-----END")
    )


@pytest.mark.parametrize(
    "line", [b"x\n", b"a line of output, longer than any of the values that were declared, and clean\n", b"bar\r"]
)
def test_whole_lines_do_not_wait(line: bytes) -> None:
    """What ends a line and can begin no secret is recorded at once; what comes after waits for its own end."""
    assert CUTTER.safe_end(line) == len(line)
    assert CUTTER.safe_end(line + b"unfinished") == len(line)
    assert CUTTER.safe_end(line * 50_000) == len(line) * 50_000


@pytest.mark.parametrize("profile", ["lines", "spaces", "nothing"])
def test_what_waits_is_bounded(profile: str) -> None:
    """At most 64 KiB wait, also of output that has no line ends, and nothing is lost."""
    data = {"lines": b"x" * 79 + b"\n", "spaces": b"xyz ", "nothing": b"x"}[profile] * 4000 * 50
    data = data[: 1 << 20]
    chunks = [data[at : at + 10_000] for at in range(0, len(data), 10_000)]
    recorded, most = through_a_stream(REDACTOR, chunks)
    assert recorded == data
    assert most <= MAX_HELD_OUTPUT_BYTES


@pytest.mark.parametrize("rule", SECRETS)
def test_a_line_without_an_end_hides_no_secret(rule: str) -> None:
    """A minified line without a line end is cut where it must be, and never inside a secret."""
    example = SECRETS[rule][0]
    filler = b'{"k":1,"text":"some words and more"},' * 1800
    secret = example.text.encode()
    data = filler + secret + filler
    for before in range(0, len(secret) + 40, max(1, len(secret) // 8)):
        first = len(filler) + before + MAX_HELD_OUTPUT_BYTES - 20
        recorded, most = through_a_stream(REDACTOR, [data[:first], data[first:]])
        assert example.secret.encode() not in recorded
        assert most <= MAX_HELD_OUTPUT_BYTES


@declared
@pytest.mark.parametrize("printed", [json.dumps, canonical_text])
def test_a_line_without_an_end_hides_no_escaped_value(value: str, printed: Callable[[str], str]) -> None:
    """Minified JSON holds a value escaped: it is cut there no more than anywhere else."""
    filler = b'{"k":1,"text":"some words and more"},' * 1800
    secret = printed(value)[1:-1].encode()
    redactor = Redactor({value: DECLARED})
    data = filler + secret + filler
    for before in range(1, len(secret)):
        first = len(filler) + before + MAX_HELD_OUTPUT_BYTES
        recorded, _ = through_a_stream(redactor, [data[:first], data[first:]])
        assert b"[REDACTED:declared]" in recorded


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "text",
    ["a" * 200_000, "-----BEGIN " * 20_000, "Bearer " * 20_000, "https://" * 20_000, "eyJ" * 60_000, ".eyJ" * 40_000],
)
def test_floods_take_linear_time(text: str) -> None:
    """No pattern blows up on text made to make it: the runner's limit on this test is a hundred times what it takes."""
    assert Redactor().text(text) == (text, [])


def test_what_is_walked_counts_for_the_matcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose runs are all short looks through as much as one that has a long one: it has the matcher, too."""
    monkeypatch.setattr(gate, "_passed", {})
    monkeypatch.setattr(gate, "_due", {})
    monkeypatch.setattr(gate, "_rules", {})
    asked: list[bool] = []
    monkeypatch.setattr(gate.Gate, "warm", lambda self, *, compiling=True: asked.append(compiling))
    for _ in range(COMPILE_COST // 1024 + 100):
        Redactor().tree({"text": "clean " * 100}, [])
    assert asked[0] is False
    assert asked[-1] is True


@pytest.mark.parametrize(("step", "key"), [("_pair", "options"), ("_named", "passwords")])
def test_a_list_that_another_thread_lengthens_meanwhile_is_recorded(
    monkeypatch: pytest.MonkeyPatch, step: str, key: str
) -> None:
    """As far as it went when its turn came: what a contract hands in as it stands is nobody's copy."""
    items: list[list[str] | str] = [["name", "a"], ["token", "b"]] if step == "_pair" else ["hunter2", "hunter3"]
    known, cleaned = len(items), getattr(Walk, step)

    def meanwhile(walk: Walk, *given: Any) -> Any:
        if given[-1] is not items:
            items.append(items[0])
        return cleaned(walk, *given)

    monkeypatch.setattr(Walk, step, meanwhile)
    told = Redactor().tree({key: items}, [])
    assert len(told[key]) == known
    assert "hunter2" not in str(told)
