"""A tool contract at work: what is checked, what is recorded, and that nothing of the rest is left anywhere."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, RootModel, SecretStr

import runstone
from runstone.core.canonical import array_index
from runstone.core.tools.contract import ToolContract
from runstone.core.values import Coerced
from runstone.engine.contracted import Contracted
from runstone.engine.store import Store
from runstone.errors import InvalidInput

SECRET = "a value that no rule of the redactor finds"
MASKED, DROPPED = "[REDACTED:tool-mask]", "[REDACTED:tool-drop]"


class Account(BaseModel):
    api_key: str = Field(alias="apiKey")
    note: str = Field(default=SECRET, exclude=True)
    pin: SecretStr = SecretStr("1234")


@dataclass
class Holder:
    account: Account
    size: int = 1


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return runstone.open(tmp_path / "runs")


def contracted(store: Store, handling: Any = None, *, arguments: Any = None, result: Any = None) -> Contracted:
    schema = {"type": "object"} if arguments is None else arguments
    document = {"name": "tool", "version": "1", "arguments": schema, "result": result, "handling": handling or {}}
    return store.contracted(ToolContract.of(document))


def recorded(store: Store, name: str, value: Any, marks: Any) -> dict[str, Any]:
    """The event that a value with its marks becomes."""
    with store.run("agent") as run:
        data = {"call": "call-1", "parent": None, "name": "tool", "contract_sha256": None, "args": None, "result": None}
        if name == "args":
            run.writer.record("tool.called", {**data, name: value}, marks)
        else:
            more = {"status": "ok", "error": None, "duration_ns": 1, "attempts": 1}
            run.writer.record("tool.returned", {**data, **more, name: value}, marks)
    assert runstone.verify(store.get(run.run_id).path)
    [event] = [event for event in store.get(run.run_id).events() if event["type"].startswith("tool.")]
    return event


def everything(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


def at(event: dict[str, Any], pointer: str) -> Any:
    """What a mark points to; fails where nothing is."""
    found = event["data"]
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        found = found[key] if isinstance(found, dict) else found[array_index(key, found)]
    return found


HANDLED: list[tuple[Any, dict[str, str]]] = [
    ({"a": SECRET}, {"/a": "mask"}),
    ({"a": SECRET}, {"": "drop"}),
    ({"a": [1, {"b": SECRET}]}, {"/a/*/b": "pseudonym"}),
    ({"$a": SECRET, "n~m/o": SECRET}, {"/$a": "mask", "/n~0m~1o": "drop"}),
    ({"a": (SECRET,)}, {"/a/0": "mask"}),
    ({"a": SECRET.encode()}, {"/a": "pseudonym"}),
    ({"a": bytearray(SECRET.encode())}, {"/a": "drop"}),
    ({"a": {SECRET}}, {"/a/*": "mask"}),
    ({1: SECRET, "1": SECRET}, {"/1": "mask"}),
    ({"a": {SECRET: 1}}, {"/a": "drop"}),
    ({"a": Path(SECRET)}, {"/a": "mask"}),
    ({"m": Account(apiKey=SECRET)}, {"/m/apiKey": "mask"}),
    ({"m": [Holder(Account(apiKey=SECRET))]}, {"/m/*/account/apiKey": "drop"}),
    ({"m": RootModel[list[str]]([SECRET])}, {"/m/0": "mask"}),
    (Account(apiKey=SECRET), {"/apiKey": "pseudonym"}),
    (SECRET, {"": "mask"}),
]


@pytest.mark.parametrize("member", ["args", "result"])
@pytest.mark.parametrize(("value", "patterns"), HANDLED)
def test_what_goes_is_in_no_file(value: Any, patterns: dict[str, str], member: str, store: Store) -> None:
    """Not in the bundle, not in what lies beside it, whatever kind of value it stood in; marks tell where it was."""
    handling = {{"args": "arguments", "result": "result"}[member]: patterns}
    event = recorded(store, member, *getattr(contracted(store, handling), member)(value))
    assert SECRET.encode() not in everything(Path(store.url))
    assert "YSB2YWx1ZSB0aGF0" not in json.dumps(event)  # its base64
    redacted = [(pointer, mark) for pointer, mark in event["marks"] if mark.startswith("redacted:")]
    assert redacted
    for pointer, _ in event["marks"]:
        assert pointer.startswith(f"/{member}")
        at(event, pointer)
    for pointer, mark in redacted:
        assert str(at(event, pointer)).startswith(f"[{mark.upper().partition(':')[0]}:{mark.partition(':')[2]}")


def test_a_document_is_as_good_as_its_contract(store: Store) -> None:
    """As everywhere else where a contract is taken; what is none says so."""
    assert store.contracted({"name": "t", "version": "1", "arguments": {"type": "object"}}).problems({}) == []
    for wrong in (None, 7, "t", {}):
        with pytest.raises(InvalidInput) as caught:
            store.contracted(wrong)  # type: ignore[arg-type]  # what a checker would find
        assert caught.value.code == "invalid_tool_contract"


def test_what_no_pattern_names_still_passes_the_redactor(store: Store) -> None:
    """Handling comes before it, and takes nothing from it."""
    token = "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    tool = contracted(store, {"arguments": {"/a": "mask"}})
    event = recorded(store, "args", *tool.args({"a": token, "password": "hunter2xyz", "keep": 1}))
    assert event["data"]["args"] == {"a": MASKED, "password": "[REDACTED:named-secret]", "keep": 1}
    assert event["marks"] == [["/args/a", "redacted:tool-mask"], ["/args/password", "redacted:named-secret"]]


def test_a_key_is_escaped_once(store: Store) -> None:
    """What is handled has passed the recorder's door, and passes it again as it is."""
    event = recorded(store, "args", *contracted(store).args({"$ref": 1, "a": object()}))
    assert event["data"]["args"] == {"$$ref": 1, "a": {"$repr": "object"}}
    assert event["marks"] == [["/args/$$ref", "coerced"], ["/args/a", "coerced"]]


def test_what_needs_no_change_is_recorded_as_it_is(store: Store) -> None:
    """Without a mark."""
    value = {"a": [1, 2.5, None, "text"]}
    assert contracted(store).args(value) == (value, [])


def test_no_mark_is_left_below_what_was_dropped(store: Store) -> None:
    """It would point nowhere, and tell of what is gone."""
    value = {"a": {"$b": {1: (b"x", 1 << 80)}}, "c": (1,)}
    tool = contracted(store, {"arguments": {"/a": "drop"}})
    event = recorded(store, "args", *tool.args(value))
    assert event["marks"] == [["/args/a", "redacted:tool-drop"], ["/args/c", "coerced"]]


def test_large_values_are_cut_first(store: Store) -> None:
    """By who records; what is cut is marked, what is dropped has no other mark."""
    tool = contracted(store, {"arguments": {"/a": "drop", "/b": "mask"}})
    value, marks = tool.args(
        {"a": ["x" * 20_000], "b": "y" * 20_000, "c": "z" * 20_000}, lambda text, size: text[:size]
    )
    event = recorded(store, "args", value, marks)
    assert event["data"]["args"] == {"a": DROPPED, "b": MASKED, "c": "z" * 10_000}
    assert ["/args/c", "truncated"] in event["marks"]
    assert not any(pointer.startswith("/args/a/") for pointer, _ in event["marks"])


def test_what_is_too_deep_is_dropped_and_fits_nothing(store: Store) -> None:
    """It cannot be recorded, so nobody could tell what was done with it."""
    loop: dict[str, Any] = {"secret": SECRET}
    loop["again"] = [loop]
    tool = contracted(store)
    assert tool.problems(loop) == [{"path": "", "message": "nests too deep to be checked"}]
    event = recorded(store, "args", *tool.args(loop))
    assert event["data"]["args"] == {"$redacted": "redactor-failed"}
    assert event["marks"] == [["/args", "redacted:redactor-failed"]]


def test_pseudonyms_are_the_stores(store: Store, tmp_path: Path) -> None:
    """Equal in all runs and processes of a store, another one elsewhere; a contract without any needs no key."""
    key = Path(store.url) / ".runstone" / "pseudonym.key"
    contracted(store).args({"a": SECRET})
    assert not key.exists()
    patterns = {"arguments": {"/a": "pseudonym"}}
    first = contracted(store, patterns).args({"a": SECRET})
    assert first == contracted(runstone.open(store.url), patterns).args({"a": SECRET})
    assert first != contracted(runstone.open(tmp_path / "other"), patterns).args({"a": SECRET})
    assert key.exists()


def test_a_store_that_cannot_be_written_leaves_pseudonyms_out() -> None:
    """Then nothing is recorded that one would stand in, and the work goes on."""
    from runstone.adapters.schemas import JsonSchemas

    document = {"name": "x", "version": "1", "arguments": {}, "handling": {"arguments": {"": "pseudonym"}}}
    tool = Contracted(ToolContract.of(document), JsonSchemas(), lambda: None)
    assert tool.args(SECRET)[0] == "[REDACTED:tool-pseudonym]"


# what is checked

ANY = {"type": "object"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1 << 80),
        ({"type": "integer"}, True.__class__(1) + 1),
        ({"type": "number"}, float("inf")),
        ({"type": "array", "items": {"type": "integer"}}, (1, 2)),
        ({"type": "array"}, {1, 2}),
        ({"type": "string"}, b"bytes"),
        ({"type": "string", "format": "date-time"}, datetime.datetime(2026, 1, 2)),
        ({"type": "string"}, Path("a")),
        ({"required": ["$filter"], "additionalProperties": False, "properties": {"$filter": {}}}, {"$filter": 1}),
        ({"required": ["1"]}, {1: "x"}),
        ({"required": ["apiKey", "pin", "note"], "maxProperties": 3}, Account(apiKey="x")),
        ({"properties": {"account": {"required": ["apiKey"]}}, "required": ["account"]}, Holder(Account(apiKey="x"))),
        ({"type": "array"}, RootModel[list[int]]([1])),
        ({"type": "integer"}, RootModel[int](1)),
    ],
)
def test_a_value_is_checked_as_it_was_given(schema: Any, value: Any, store: Store) -> None:
    """Not as it is recorded, where a big integer is text and a key has one more `$`."""
    assert contracted(store, arguments=schema).problems(value) == []


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, 1 << 80),
        ({"type": "integer"}, True),
        ({"required": ["$$filter"]}, {"$filter": 1}),
        ({"required": ["api_key"]}, Account(apiKey="x")),
        ({"type": "string"}, object()),
    ],
)
def test_what_does_not_fit_is_a_problem(schema: Any, value: Any, store: Store) -> None:
    """Also where its recorded form would."""
    assert len(contracted(store, arguments=schema).problems(value)) == 1


def test_results_are_checked_where_the_contract_says_something(store: Store) -> None:
    """Without a schema anything fits."""
    assert contracted(store).result_problems({"x": 1}) == []
    found = contracted(store, result={"type": "object", "properties": {"x": {"type": "string"}}}).result_problems(
        {"x": 1}
    )
    assert found == [{"path": "/x", "message": "expected string, found integer"}]


@pytest.mark.parametrize("member", ["arguments", "result"])
def test_a_contract_without_a_schema_is_refused_when_it_is_made_ready(member: str, store: Store) -> None:
    """With the place in the contract."""
    document = {"name": "tool", "version": "1", "arguments": {}, member: {"properties": {"a": {"type": "text"}}}}
    with pytest.raises(InvalidInput) as raised:
        store.contracted(ToolContract.of(document))
    assert (raised.value.code, raised.value.details["path"]) == (
        "invalid_tool_contract",
        f"/{member}/properties/a/type",
    )


def test_a_contract_is_recorded_as_it_is(store: Store) -> None:
    """Its actions and types are no secrets, though parameters have telling names."""
    names = ["password", "token", "api_key", "credentials"]
    document = {
        "name": "login",
        "version": "1",
        "arguments": {"type": "object", "properties": {name: {"type": "string"} for name in names}},
        "handling": {
            "arguments": {
                f"/{name}": action for name, action in zip(names, ("mask", "drop", "pseudonym", "keep"), strict=True)
            }
        },
    }
    with store.run("agent") as run:
        run.event("x.contract", ToolContract.of(document).data)
    [event] = store.get(run.run_id).events("x.contract")
    assert (event["data"], event.get("marks")) == (document, None)


LONG: list[Any] = ["a" * 10_001 + "1", "a" * 10_001 + "2", b"a" * 1001, b"b" * 1001, "bytes of 1001", "a" * 10_000]


def test_pseudonyms_are_made_of_whole_values(store: Store) -> None:
    """Of those that are too long to be recorded, too: different ones have different pseudonyms, equal ones the same."""
    made = contracted(store, {"arguments": {"/x": "pseudonym"}})

    def pseudonym(value: Any) -> Any:
        shown, marks = made.args({"x": value}, lambda text, size: text[:size])
        assert marks[-1:] == [["/args/x", "redacted:tool-pseudonym"]]
        return (shown.value if isinstance(shown, Coerced) else shown)["x"]

    found = [pseudonym(value) for value in LONG]
    assert len(set(found)) == len(LONG)
    assert found == [pseudonym(value) for value in LONG]


def test_what_is_kept_is_cut(store: Store) -> None:
    """Texts and bytes wherever they stand, lists and depths, and it is marked where it stands in the record."""
    value = {"$a": "x" * 20_000, "ä": ["y" * 20_000], "b": b"z" * 2000, "n": list(range(2000)), "p": 1}
    made = contracted(store, {"arguments": {"/p": "pseudonym", "/gone": "drop"}})
    shown, marks = made.args({**value, "gone": "g" * 20_000}, lambda text, size: text[:size])
    event = recorded(store, "args", shown, marks)
    args = event["data"]["args"]
    assert (len(args["$$a"]), len(args["ä"][0]), args["b"], len(args["n"])) == (10_000, 10_000, "bytes of 2000", 1000)
    assert args["gone"] == DROPPED
    told = {place for place, mark in event["marks"] if mark == "truncated"}
    assert told == {"/args/$$a", "/args/ä/0", "/args/b", "/args/n"}
    assert all(at(event, place) is not None for place in told)


# a store that checks nothing


def test_a_store_without_schemas_says_so(tmp_path: Path) -> None:
    """One that a program puts together without the port holds no contract, and the error tells what to give."""
    store = runstone.open(tmp_path / "runs")
    parts = (store.url, store.objects, store.journals, store.host, store.clock, store.entropy, store.contract_of)
    bare = Store(*parts, {"name": "t", "version": "1"}, list)
    with bare.run("agent") as run, pytest.raises(InvalidInput, match="schemas=") as refused:
        run.tool({"name": "t", "version": "1", "arguments": {"type": "object"}})(len)
    assert (refused.value.code, refused.value.details["option"]) == ("invalid_option", "schemas")
