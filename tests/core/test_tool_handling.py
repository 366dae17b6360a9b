"""Handling of a tool's data, path by path: what is named goes, what is not stays, and everything says where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes, pointer
from runstone.core.redaction.redactor import DECLARED, Redactor
from runstone.core.tools import handling
from runstone.core.tools.handling import ACTIONS, DROP, KEEP, MASK, PSEUDONYM, Handling, Patterns, handled
from runstone.core.values import Foreign, coerce
from runstone.errors import InvalidInput

KEY = bytes(range(32))
MASKED, DROPPED, PSEUDONYMOUS = "[REDACTED:tool-mask]", "[REDACTED:tool-drop]", "[REDACTED:tool-pseudonym"

KEYS = ["a", "b", "~", "/", "a/b", "~1", "0", "1", "", "password"]


def trees() -> st.SearchStrategy[Any]:
    """Values in which every leaf is a text of its own."""
    shapes = st.recursive(
        st.none(),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)),
        max_leaves=12,
    )
    return shapes.map(lambda shape: numbered(shape, iter(range(1000))))


def numbered(shape: Any, numbers: Any) -> Any:
    if isinstance(shape, dict):
        return {key: numbered(item, numbers) for key, item in shape.items()}
    if isinstance(shape, list):
        return [numbered(item, numbers) for item in shape]
    return f"leaf {next(numbers)}."


tables = st.dictionaries(
    st.lists(st.sampled_from([*KEYS, "*", "*"]), max_size=4).map(pointer), st.sampled_from(ACTIONS), max_size=6
)


# what it should be, said in another way


def action_at(path: tuple[str, ...], table: dict[str, str]) -> str:
    """The action of a node: of the patterns that name it, the first by its tokens; without one its parent's."""
    naming = []
    for pattern, action in table.items():
        tokens = [token.replace("~1", "/").replace("~0", "~") for token in pattern.split("/")[1:]]
        if len(tokens) == len(path) and all(token in ("*", part) for token, part in zip(tokens, path, strict=True)):
            naming.append(([token == "*" for token in tokens], action))
    if naming:
        return min(naming)[1]
    return action_at(path[:-1], table) if path else KEEP


def nodes(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value), *(node for key, item in held for node in nodes(item, (*path, str(key))))]


def expected(value: Any, table: dict[str, str], path: tuple[str, ...] = ()) -> Any:
    action = action_at(path, table)
    if action == DROP and all(action_at(at, table) == DROP for at, _ in nodes(value, path)):
        return DROPPED
    if isinstance(value, dict):
        return {key: expected(item, table, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [expected(item, table, (*path, str(at))) for at, item in enumerate(value)]
    return {KEEP: value, MASK: MASKED}.get(action) or handled(value, Patterns({"": action}), KEY)[0]


@given(trees(), tables)
def test_it_is_what_the_rules_say(value: Any, table: dict[str, str]) -> None:
    """The most specific pattern that names a node decides, else its parent's; structure stays, but below a drop."""
    found, _ = handled(value, Patterns.of(table), KEY)
    assert found == expected(value, table)


@given(trees(), tables)
def test_nothing_that_goes_stays(value: Any, table: dict[str, str]) -> None:
    """Of a leaf that is masked, dropped or made a pseudonym no text is left; every other leaf is where it was."""
    found, _ = handled(value, Patterns.of(table), KEY)
    left = canonical_bytes(found).decode()
    for path, leaf in nodes(value):
        if isinstance(leaf, str):
            assert (leaf in left) == (action_at(path, table) == KEEP), path


@given(trees(), tables)
def test_marks_point_to_what_went(value: Any, table: dict[str, str]) -> None:
    """There is one mark for each text that stands for something, at its place, and no other."""
    found, marks = handled(value, Patterns.of(table), KEY, ("args",))
    standing = {
        pointer(["args", *path]): text[len("[REDACTED:") : -1].partition(":")[0]
        for path, text in nodes(found)
        if isinstance(text, str) and text.startswith("[REDACTED:")
    }
    assert {at: mark.removeprefix("redacted:") for at, mark in marks} == standing
    assert len(marks) == len(standing)


@given(trees(), tables)
def test_a_second_time_changes_nothing(value: Any, table: dict[str, str]) -> None:
    """Neither the value nor the marks."""
    patterns = Patterns.of(table)
    once, marks = handled(value, patterns, KEY)
    assert handled(once, patterns, KEY) == (once, marks)


@given(
    trees(),
    tables.map(lambda table: {at: DROP if action == KEEP else action for at, action in table.items()}),
    st.sampled_from([None, KEY]),
)
def test_the_redactor_leaves_the_marks(value: Any, table: dict[str, str], key: bytes | None) -> None:
    """Also below keys that say secret, and where its own words are declared as secrets."""
    found, marks = handled(
        {"password": value, "api_key": [value], "--token": value}, Patterns({"": MASK, **table}), key
    )
    for redactor in (Redactor(), Redactor({"tool-mask": DECLARED, "REDACTED:tool": DECLARED, "drop": DECLARED})):
        told = [list(mark) for mark in marks]
        assert redactor.tree(found, told) == found
        assert told == marks


@pytest.mark.parametrize("word", [MASKED, DROPPED, f"{PSEUDONYMOUS}]", f"{PSEUDONYMOUS}:0123456789ab]"])
def test_each_mark_survives_the_redactor(word: str) -> None:
    """As a text, a member with a telling name, the value of an option, and within other text."""
    told: list[list[str]] = []
    value = {"password": word, "argv": ["--password", word], "text": f"password={word} {word}", "secrets": {"x": word}}
    assert Redactor({"tool-mask": DECLARED, "pseudonym": DECLARED}).tree(value, told) == value
    assert told == []


def test_the_value_that_is_handed_in_stays() -> None:
    """A tool goes on with its arguments."""
    value = {"a": [{"b": "text"}]}
    handled(value, Patterns({"/a/0/b": MASK, "/a": DROP}), KEY)
    assert value == {"a": [{"b": "text"}]}


# single rules


def test_a_literal_token_goes_before_any() -> None:
    """And of two patterns that have one each, the one whose literal stands first."""
    assert handled({"a": 1, "b": 2}, Patterns({"/*": MASK, "/b": KEEP}), KEY)[0] == {"a": MASKED, "b": 2}
    assert handled({"a": {"b": 1}}, Patterns({"/*/b": MASK, "/a/*": KEEP}), KEY)[0] == {"a": {"b": 1}}
    assert handled({"a": {"b": 1}}, Patterns({"/a/*": MASK, "/*/b": KEEP}), KEY)[0] == {"a": {"b": MASKED}}


def test_a_longer_pattern_goes_before_a_shorter_one() -> None:
    """What is nearer to the leaf decides, whatever it says."""
    value = {"a": {"b": {"c": 1, "d": 2}}}
    table = {"": DROP, "/a/b": MASK, "/a/b/c": KEEP}
    assert handled(value, Patterns(table), KEY)[0] == {"a": {"b": {"c": 1, "d": MASKED}}}


def test_a_drop_that_nothing_in_it_escapes_tells_nothing() -> None:
    """Not even a key, though a pattern for something that is not there would keep it."""
    found, marks = handled({"a": {"secret name": {"x": 1}}}, Patterns({"/a": DROP, "/a/*/y": KEEP}), KEY)
    assert found == {"a": DROPPED}
    assert marks == [["/a", "redacted:tool-drop"]]


def test_a_drop_spares_what_a_deeper_pattern_keeps() -> None:
    """The rest of it goes, each part as a whole."""
    found, marks = handled({"a": {"b": 1, "c": {"d": 2}, "e": []}}, Patterns({"/a": DROP, "/a/b": KEEP}), KEY)
    assert found == {"a": {"b": 1, "c": DROPPED, "e": DROPPED}}
    assert [at for at, _ in marks] == ["/a/c", "/a/e"]


def test_keys_with_signs_of_pointers_are_named_by_their_escapes() -> None:
    """`~` is `~0`, `/` is `~1`; marks spell them alike."""
    value = {"a/b": 1, "m~n": 2, "~1": 3, "": 4}
    found, marks = handled(value, Patterns.of({"/a~1b": MASK, "/m~0n": MASK, "/~01": MASK, "/": MASK}), KEY)
    assert set(found.values()) == {MASKED}
    assert [at for at, _ in marks] == ["/a~1b", "/m~0n", "/~01", "/"]


def test_a_member_that_is_called_star_is_any_member() -> None:
    """It has no pattern of its own."""
    assert handled({"*": 1, "a": 2}, Patterns({"/*": MASK, "/a": KEEP}), KEY)[0] == {"*": MASKED, "a": 2}


def test_a_key_is_named_as_its_user_spells_it() -> None:
    """The door escapes `$`, writes numbers as text and numbers a second key that comes out the same; none escapes."""
    tree, _ = coerce({"$filter": "a", 1: "b", "1": "c", "$$x": "d"})
    assert list(tree) == ["$$filter", "1", "1#2", "$$$x"]
    found, _ = handled(tree, Patterns({"/$filter": MASK, "/1": DROP, "/$$x": MASK}), KEY)
    assert list(found.values()) == [MASKED, DROPPED, DROPPED, MASKED]


def test_a_pseudonym_tells_equal_ones_and_no_more() -> None:
    """By the store's key; the same value has the same, a number is not its text, and another key gives another."""
    [first, second, number, text] = handled(["x", "x", 1, "1"], Patterns({"": PSEUDONYM}), KEY)[0]
    assert first == second
    assert len({first, number, text}) == 3
    assert handled("x", Patterns({"": PSEUDONYM}), bytes(32))[0] != first
    assert handled("x", Patterns({"": PSEUDONYM}), None)[0] == "[REDACTED:tool-pseudonym]"


def test_what_only_looks_like_a_pseudonym_becomes_one() -> None:
    """A text around a mark, or a mark of another rule, is a value."""
    for text in (f"{PSEUDONYMOUS}:0123456789ab] x", "[REDACTED:tool-pseudonym:hunter2]", MASKED):
        found, _ = handled(text, Patterns({"": PSEUDONYM}), KEY)
        assert found != text


def test_foreign_json_and_bytes_are_values_like_others() -> None:
    """A pattern reaches into foreign JSON; bytes are a leaf."""
    value = {"a": Foreign({"b": "hunter2", "c": 1}, "jcs"), "d": b"hunter2"}
    found, _ = handled(value, Patterns({"/a/b": MASK, "/d": PSEUDONYM}), KEY)
    assert found["a"] == {"b": MASKED, "c": 1}
    assert found["d"].startswith(PSEUDONYMOUS)


def test_a_whole_foreign_value_goes() -> None:
    """As one text, whatever is in it."""
    assert handled(Foreign({"b": 1}, "jcs"), Patterns({"": DROP}), KEY)[0] == DROPPED
    assert handled(Foreign(["b"], "jcs"), Patterns({"": MASK}), KEY)[0] == [MASKED]


def test_each_node_is_met_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is linear in the value, however deep and wide: also where drops wait for what may be spared."""
    deep: Any = ["leaf"]
    for _ in range(59):
        deep = [deep, {"x": 1}]
    value = {"wide": [{"a": n, "b": [n]} for n in range(20_000)], "deep": deep}
    met = 0
    node = handling._Walk.node

    def counted(walk: Any, *args: Any) -> Any:
        nonlocal met
        met += 1
        return node(walk, *args)

    monkeypatch.setattr(handling._Walk, "node", counted)
    table = {"": DROP, "/wide/*/a": MASK, "/*/*/b": PSEUDONYM, "/deep" + "/0" * 60: KEEP, "/deep/0/*/0": DROP}
    handled(value, Patterns.of(table), KEY)
    assert met <= len(nodes(value))


# reading


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (None, ""),
        ([], ""),
        ({"args": {}}, "/args"),
        ({"arguments": []}, "/arguments"),
        ({"arguments": {"a": "mask"}}, "/arguments/a"),
        ({"arguments": {"/a~": "mask"}}, "/arguments/~1a~0"),
        ({"result": {"/~2": "mask"}}, "/result/~1~02"),
        ({"result": {"/~~01": "mask"}}, "/result/~1~0~001"),
        ({"arguments": {"/a": "hide"}}, "/arguments/~1a"),
        ({"arguments": {"/a": None}}, "/arguments/~1a"),
        ({"arguments": {"": True}}, "/arguments/"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(document: Any, path: str) -> None:
    """A pattern that is no pointer would name nothing, and what it was to hide would be recorded."""
    with pytest.raises(InvalidInput) as raised:
        Handling.of(document, "/handling")
    assert (raised.value.code, raised.value.details["path"]) == ("invalid_tool_contract", "/handling" + path)
