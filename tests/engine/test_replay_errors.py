"""What a tool raised or answered, given back by a replay as it was: errors of Runstone's own, numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.core.bounding import MAX_TEXT
from runstone.engine.own_errors import MAX_DETAILS_BYTES, made_again
from runstone.engine.store import Store
from runstone.errors import CODES, Conflict, InvalidInput, PolicyBlocked, RunstoneError

from .called import calls, contract
from .replayed import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program in a folder of its own."""
    return Program(tmp_path)


RAISED = {
    "an inner call that a rule blocks": """
        run.govern({"name": "p", "version": "1", "deny": ["shell"]})

        @run.tool()
        def tool(x):
            with run.tool_call("shell", {"x": x}):
                pass

        run.now()
        try:
            tool(1)
        except runstone.PolicyBlocked as exc:
            told = [exc.run_id == run.run_id, exc.reason, exc.decision["rules"][0]["id"], exc.details["call"]]
            told += [exc.code, exc.exit_status, str(exc), exc.details["rule"]]
        run.finish(result=told)
        """,
    "an error with a code": """
        @run.tool()
        def tool(x):
            return store.get("nope").run_id

        try:
            tool(1)
        except runstone.NotFound as exc:
            told = [type(exc).__name__, exc.as_dict()]
        run.finish(result=told)
        """,
    "one of a class of the program's own": """
        class Mine(runstone.RunstoneError):
            def __init__(self, what):
                super().__init__("mine", "it is " + what, what=what, raw=b"1")

        @run.tool()
        async def tool(x):
            raise Mine("odd")

        try:
            asyncio.run(tool(1))
        except Mine as exc:
            told = [exc.code, exc.message, exc.details["what"], exc.details["raw"].hex()]
        run.finish(result=told)
        """,
    "a result that does not fit": """
        @run.tool({"name": "tool", "version": "1", "arguments": {"type": "object"}, "result": {"type": "string"}})
        def tool(x):
            return len(Path("backend.txt").read_text())

        try:
            tool(x=1)
        except runstone.RunstoneError as exc:
            told = exc.as_dict()
        run.finish(result=told)
        """,
    "arguments that do not fit": """
        @run.tool({"name": "tool", "version": "1", "arguments": {"type": "object", "required": ["y"]}})
        def tool(x):
            return x

        try:
            tool(x=1)
        except runstone.RunstoneError as exc:
            told = exc.as_dict()
        run.finish(result=told)
        """,
    "a key error of nothing": """
        @run.tool()
        def tool(x):
            raise KeyError(*[""][:x])

        told = []
        for x in (0, 1):
            try:
                tool(x)
            except KeyError as exc:
                told += [str(exc), list(exc.args)]
        run.finish(result=told)
        """,
    "texts that look like numbers": """
        import enum

        class OrderId(str):
            pass

        class Device(str, enum.Enum):
            ANY = "Infinity"

        @run.tool()
        def tool(x):
            Path("backend.txt").read_text()
            return [Path("20240101123456789012"), {"id": OrderId("-20240101123456789012")}, Device.ANY]

        @run.tool()
        def items():
            yield from (OrderId("NaN"), OrderId("0x1f"))

        path, order, device = tool(1)
        told = [str(path) + ".json", "order " + order["id"], "device " + getattr(device, "value", device)]
        run.finish(result=told + ["item " + item for item in items()])
        """,
}


@pytest.mark.parametrize("what", RAISED)
def test_what_came_of_a_tool_comes_of_it_again(program: Program, what: str) -> None:
    """With all that a program asks of it."""
    options = ", strict=True" if "result" in what else ""
    run_id = program.run(RAISED[what], options=options)
    found = program.replay(run_id)
    assert (found.divergence, found.refused) == (None, [])
    assert found.ok
    recorded, replayed = program.store.get(run_id), program.store.get(found.replayed["run_id"])
    told = [
        [(event["data"]["status"], event["data"]["result"]) for event in one.events("tool.returned")]
        for one in (recorded, replayed)
    ]
    assert told[0] == told[1]
    assert told[0]


def test_what_is_kept_out_of_a_message_is_kept_out_of_details(program: Program) -> None:
    """What a contract takes out of the arguments, a declared secret; and details that are too large."""
    body = f"""
    contract = {{"name": "tool", "version": "1", "arguments": {{"type": "object"}}}}
    contract["handling"] = {{"arguments": {{"/token": "drop"}}}}

    @run.tool(contract)
    def tool(token, pad):
        from runstone.errors import error
        raise error("file_not_found", "no " + token, asked=[token], also="declared-secret-1", pad=["x" * 9000] * pad)

    for pad in (0, {MAX_DETAILS_BYTES // 9000 + 1}):
        try:
            tool(token="taken-out-2", pad=pad)
        except runstone.NotFound:
            pass
    """
    run_id = program.run(body, options=", secrets=['declared-secret-1']")
    (folder,) = Path(program.store.url).glob(run_id)
    assert all(b"taken-out-2" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert all(b"declared-secret-1" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    first, second = [event["data"]["error"] for event in program.store.get(run_id).events("tool.returned")]
    assert first["code"] == second["code"] == "file_not_found"
    assert sorted(first["details"]) == ["also", "asked", "pad"]
    assert "details" not in second


def test_what_a_contract_drops_is_taken_out_before_details_are_cut(store: Store) -> None:
    """A value that stands across the cut would lose its end, and be found by nobody."""
    card = "plain words of a card"
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("pay", handling={"arguments": {"/card": "drop"}}))
        def pay(card: str) -> None:
            raise RunstoneError("mine", "failed", sql="x" * (MAX_TEXT - 8) + card + "y" * 100)

        with pytest.raises(RunstoneError):
            pay(card=card)
    (call,) = calls(store)
    assert call["error"]["details"]["sql"].startswith("xxxx")
    assert card[:6] not in str(call)


def test_an_error_that_passed_a_model_has_no_details(store: Store) -> None:
    """They may quote the prompt. A code of Runstone's own says nothing of it."""
    with store.run("agent", run_id="r") as run:

        @run.tool()
        def ask(code: str) -> None:
            with run.model_call("m", "my prompt of Ada"):
                raise RunstoneError(code, "bad: my prompt of Ada", prompt="my prompt of Ada")

        for code in ("invalid_option", "mine"):
            with pytest.raises(RunstoneError):
                ask(code)
    told = [call["error"] for call in calls(store) if call["call"].startswith("call-")]
    assert [error.get("code") for error in told] == ["invalid_option", None]
    assert "Ada" not in str(list(store.get("r").events()))


def test_a_blocked_call_has_its_decision_and_no_details(program: Program) -> None:
    """The same is not told twice."""
    body = """
    run.govern({"name": "p", "version": "1", "deny": ["shell"]})
    try:
        run.tool_call("shell", {}).do(print)
    except runstone.PolicyBlocked:
        pass
    """
    (returned,) = program.store.get(program.run(body)).events("tool.returned")
    assert sorted(returned["data"]["error"]) == ["message", "type"]


def test_an_older_record_has_no_code() -> None:
    """The error is of its class, and its code one of that class."""
    made = made_again(PolicyBlocked, {"type": "PolicyBlocked", "message": "m"}, {})
    assert (type(made), made.message, CODES[made.code].error) == (PolicyBlocked, "m", PolicyBlocked)
    invalid = made_again(None, {"type": "invalid_arguments", "message": "m"}, {})
    assert (type(invalid), invalid.code) == (InvalidInput, "invalid_arguments")


def test_a_class_that_is_not_loaded_is_one_of_its_code() -> None:
    """With the name that it had."""
    made = made_again(None, {"type": "Mine", "message": "m", "code": "run_exists"}, {"run_id": "r"})
    assert (type(made).__name__, isinstance(made, Conflict), made.details) == ("Mine", True, {"run_id": "r"})


def test_a_number_that_json_cannot_hold_comes_back_as_its_text(program: Program) -> None:
    """The record does not tell it from a text; a program that hands it on comes to the same."""
    body = """
    @run.tool()
    def tool():
        Path("backend.txt").read_text()
        return [float("nan"), float("-inf"), 2**60, -(3**9000)]

    given = tool()
    run.note(" ".join(type(item).__name__ for item in given))
    run.finish(result=given)
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert (found.divergence, found.same) == (None, True)
    recorded, replayed = program.store.get(run_id), program.store.get(found.replayed["run_id"])
    texts = [[event["data"]["text"] for event in one.events("note")] for one in (recorded, replayed)]
    assert texts == [["float float int int"], ["str str str str"]]
    (closed,) = replayed.events("run.closed")
    assert closed["data"]["result"] == ["NaN", "-Infinity", "1152921504606846976", hex(-(3**9000))]
