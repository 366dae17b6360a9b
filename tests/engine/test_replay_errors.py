"""What a tool raised or answered, given back by a replay as it was: errors of Runstone's own, numbers."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import traceback
from configparser import NoSectionError
from decimal import Decimal
from http.client import IncompleteRead
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.error import HTTPError

import pytest

from runstone.core.bounding import MAX_TEXT
from runstone.core.recorded import RecordedCall
from runstone.engine.calls import class_name
from runstone.engine.facts import WITHHELD
from runstone.engine.own_errors import MAX_DETAILS_BYTES, made_again
from runstone.engine.replay.raising import MAX_ALIKE, RecordedError, exception_of
from runstone.engine.replay.validating import validation_error
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
    "one without a message": """
        RAISED = (TimeoutError(), StopIteration(), OSError(), ValueError(), SystemExit())

        @run.tool()
        def tool(x):
            raise RAISED[x]

        told = []
        for x in range(len(RAISED)):
            try:
                tool(x)
            except BaseException as exc:
                told.append([repr(exc), len(exc.args), getattr(exc, "value", None), getattr(exc, "code", None)])
        run.finish(result=told)
        """,
    "one that a library of Runstone has a namesake of": """
        import json

        @run.tool()
        def tool(x):
            return json.loads(x)

        try:
            tool("{")
        except json.JSONDecodeError as exc:
            told = [type(exc).__name__, str(exc)]
        run.finish(result=told)
        """,
    "one of many of a name": """
        class First:
            class Missing(LookupError):
                pass

        class Second:
            class Missing(LookupError):
                pass

        class ConnectionError(RuntimeError):
            pass

        @run.tool()
        def tool(x):
            raise [First.Missing, Second.Missing, ConnectionError][x]("no")

        told = []
        for x in (0, 1, 2):
            try:
                tool(x)
            except Second.Missing:
                told.append("second")
            except First.Missing:
                told.append("first")
            except ConnectionError:
                told.append("own")
        run.finish(result=told)
        """,
    "one that is hard to make": """
        class Odd(ValueError):
            def __new__(cls, one, two):
                return super().__new__(cls, one)

            def __init__(self, one, two):
                self.two = two

            def __str__(self):
                return f"odd {self.two}"

        class Last(ValueError):
            def __init_subclass__(cls):
                raise RuntimeError("no")

        @run.tool()
        def tool(x):
            raise Odd(1, 2) if x else Last("end")

        told = []
        for x in (0, 1):
            try:
                tool(x)
            except Odd as exc:
                told.append(str(exc))
            except ValueError as exc:
                told += [type(exc).__name__, str(exc)]
        run.finish(result=told)
        """,
    "one of a class that there is twice": """
        def attempt(base):
            class Retry(base):
                pass

            @run.tool(name=f"attempt-{len(told)}")
            def tool():
                raise Retry("again")

            try:
                tool()
            except Retry as exc:
                told.append([type(exc).__name__, str(exc)])
            return Retry

        def refuse():
            class Refused(runstone.RunstoneError):
                pass

            @run.tool(name=f"refuse-{len(told)}")
            def tool():
                raise Refused("mine", "no")

            try:
                tool()
            except Refused as exc:
                told.append([type(exc).__name__, exc.code, str(exc)])
            return Refused

        told = []
        kept = [attempt(LookupError), attempt(OSError), refuse(), refuse()]
        kept.append(attempt(kept[0]))
        run.finish(result=told)
        """,
    "one of two that have nothing but a base in common": """
        class Known(Exception):
            pass

        class One(type):
            pass

        class Other(type):
            pass

        kinds = [kind("Key", (Known,), {"__module__": "made.up"}) for kind in (One, Other)]

        @run.tool()
        def tool():
            raise kinds[1]("no")

        try:
            tool()
        except Known as exc:
            run.finish(result=[type(exc).__name__, str(exc)])
        """,
    "one of which a class keeps account": """
        known = {}

        class Base(Exception):
            def __init_subclass__(cls):
                known[cls.__name__] = known.get(cls.__name__, 0) + 1

        class Counting(type):
            def __init__(cls, *args):
                known[cls.__name__] = known.get(cls.__name__, 0) + 1

        class Bad(Base):
            pass

        class Odd(LookupError, metaclass=Counting):
            pass

        @run.tool()
        def tool(x):
            raise (Bad, Odd)[x]("m")

        for x in (0, 1):
            try:
                tool(x)
            except (Bad, Odd) as exc:
                known[str(exc)] = type(exc).__name__
        run.finish(result=known)
        """,
    "a status of HTTP that cannot be set": """
        class Refused(Exception):
            @property
            def status_code(self):
                return self.args[1]

        @run.tool()
        def tool():
            raise Refused("slowly", 429)

        def ask():
            raise Refused("slowly", 429)

        told = []
        for call in (tool, lambda: run.model_call("m", "hi").do(ask)):
            try:
                call()
            except Refused as exc:
                told.append(getattr(exc, "status_code", None) if told else str(exc))
        run.finish(result=told)
        """,
    "a group": """
        @run.tool()
        def tool(x):
            raise x and ExceptionGroup("many", [OSError(), KeyError(1)]) or BaseExceptionGroup("all", [SystemExit()])

        told = []
        for x in (0, 1):
            try:
                tool(x)
            except ExceptionGroup as exc:
                told += [str(exc), exc.message, len(exc.exceptions)]
            except BaseExceptionGroup as exc:
                told += [str(exc), exc.message, len(exc.exceptions)]
        run.finish(result=told)
        """,
    "what is no Exception": """
        import concurrent.futures

        RAISED = {
            "exit": SystemExit(3), "end": SystemExit("over"), "key": KeyboardInterrupt(), "base": BaseException("x"),
            "task": asyncio.CancelledError(), "future": concurrent.futures.CancelledError("no task"),
            "none": SystemExit(None), "no": SystemExit(False), "nothing": SystemExit(),
        }

        @run.tool()
        def tool(x):
            raise RAISED[x]

        told = []
        for x in RAISED:
            try:
                try:
                    tool(x)
                except Exception as exc:
                    told += ["caught", str(exc)]
            except BaseException as exc:
                told += [type(exc).__name__, str(exc), getattr(exc, "code", None)]
        run.finish(result=told)
        """,
    "one that lets nobody set what it has": """
        class Frozen(Exception):
            def __setattr__(self, name, value):
                raise AttributeError(name)

        class Fixed(Exception):
            @property
            def args(self):
                return ("x",)

        class Anything(type):
            __hash__ = None

            def __eq__(cls, other):
                return True

        class Equal(Exception, metaclass=Anything):
            pass

        @run.tool()
        def tool(x):
            raise (Frozen, Fixed, Equal)[x]("m")

        told = []
        for x, kind in enumerate((Frozen, Fixed, Equal)):
            try:
                tool(x)
            except kind as exc:
                told += [type(exc).__name__, str(exc)]
        run.finish(result=told)
        """,
    "what a message tells beside itself": """
        import json

        @run.tool()
        def tool(x):
            if x == "json":
                json.loads('{"a": 1,}')
            elif x == "rename":
                os.rename("no'where", "any.where")
            elif x == "arrows":
                os.rename("no -> where", "any -> 'where'")
            elif x == "paths":
                raise FileNotFoundError(2, os.strerror(2), Path("one"), None, Path("o'ther"))
            elif x == "folder":
                subprocess.run(["ls"], cwd=Path("no/where"))
            elif x == "said":
                raise OSError(5, 'it said: "no"')
            elif x == "text":
                raise OSError(22, "bad value: 'x'")
            elif x == "number":
                raise OSError(5, "the device said: 404")
            elif x == "no text":
                raise OSError(5, ": 404")
            elif x == "descriptor":
                raise OSError(9, os.strerror(9), 9999)
            elif x == "exit":
                raise SystemExit("007")
            else:
                open(x)

        told = []
        own = ("said", "text", "number", "no text", "descriptor")
        for x in ("json", "rename", "arrows", "paths", "folder", *own, "exit", "no\\nwhere", b"no-where"):
            try:
                tool(x)
            except json.JSONDecodeError as exc:
                told += [exc.msg, exc.lineno, exc.colno, exc.pos]
            except OSError as exc:
                told += [exc.errno, exc.strerror, exc.filename, exc.filename2, str(exc)]
            except SystemExit as exc:
                told += [exc.code]
        run.finish(result=told)
        """,
    "what a message tells of Python's own": """
        import http.client, re, urllib.error

        class Reworded(subprocess.CalledProcessError):  # as of Python 3.15
            def __str__(self):
                return f"Command {self.cmd!r} returned non-zero exit status {self.returncode}."

        RAISED = {
            "code msg reason status": urllib.error.HTTPError("http://a", 404, "Not: Found", {}, None),
            "expected": http.client.IncompleteRead(b"abc", 7),
            "expected ": http.client.IncompleteRead(b"abc"),
            "expected  ": asyncio.IncompleteReadError(b"abc", 9),
            "expected   ": asyncio.IncompleteReadError(b"abc", None),
            "returncode cmd": subprocess.CalledProcessError(3, "a 'b' c"),
            "returncode cmd ": subprocess.CalledProcessError(-9, ["ls", "-l"]),
            "returncode cmd  ": subprocess.CalledProcessError(-77, ("ls", "it's")),
            "returncode cmd   ": Reworded(3, "a 'b' c"),
            "returncode cmd    ": Reworded(3, ["ls", Path("it's")]),
            "timeout cmd": subprocess.TimeoutExpired(["ls", "'Path('"], 3.5),
            "timeout cmd ": subprocess.TimeoutExpired(["ls", Path("it's")], 1),
        }

        @run.tool()
        def tool(x):
            if x in PATTERNS:
                re.compile(PATTERNS[x])
            raise RAISED[x]

        PATTERNS = {"msg pos": "a\\n(", "msg pos ": "a(", "msg pos  ": "(?<=a*)b"}
        told = []
        for x in (*RAISED, *PATTERNS):
            try:
                tool(x)
            except Exception as exc:
                told.append([getattr(exc, name) for name in x.split()])
        run.finish(result=told)
        """,
    "an error of pydantic whose message was cut or withheld": """
        from pydantic import TypeAdapter, ValidationError

        @run.tool()
        def tool(x):
            with run.model_call("m", "words of a prompt"):
                TypeAdapter(int).validate_python("words of a prompt")

        @run.tool()
        def cut(x):
            TypeAdapter(list[int]).validate_python(["x"] * x)

        told = []
        for call, x in ((tool, 1), (cut, 600), (cut, 2)):
            try:
                call(x)
            except ValidationError as exc:
                told.append(exc.error_count())
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


@pytest.mark.parametrize("pages", ["0", "1"])
def test_an_error_of_pydantic_is_one_again(program: Program, pages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says the same, although nothing can be derived from its class; with contexts, where no page is named, too."""
    pytest.importorskip("pydantic")
    monkeypatch.setenv("PYDANTIC_ERRORS_INCLUDE_URL", pages)
    body = """
    @run.tool()
    def tool(text):
        return Order.model_validate_json(text).count

    def told_of(text):
        try:
            tool(text)
        except ValidationError as exc:
            errors = [[error[name] for name in ("loc", "type", "msg", "input")] for error in exc.errors()]
            errors += [str(error.get("ctx", {}).get("gt")) for error in exc.errors()]
            return [str(exc), exc.title, errors]

    texts = ("{", "{}", '{"count": 3, "sizes": [1, "a"]}', '{"count": 1, "rate": 4, "mark": "x"}', '{"count": 9}')
    run.finish(result=[told_of(text) for text in texts])
    """
    before = """
    from pydantic import BaseModel, Field, ValidationError, model_validator
    from pydantic_core import PydanticCustomError

    class Order(BaseModel):
        count: int = Field(gt=2)
        sizes: list[int] = Field(default=[1, 2, 3], min_length=3)
        rate: float = Field(default=1, le=2.5)
        mark: str = Field(default="a", pattern="^a$")

        @model_validator(mode="after")
        def look(self):
            if self.count == 9:
                raise PydanticCustomError("nine", "no {nine}, not {count}", {"count": 9})
            return self
    """
    found = program.replay(program.run(body, before=before))
    assert (found.divergence, found.ok) == (None, True)


@pytest.mark.parametrize("message", ["", "odd", "1 validation error for A\nx", "withheld\n  [type=a]"])
def test_an_error_of_pydantic_that_shows_none_is_one_that_has_it_all(message: str) -> None:
    """As one that was withheld, or whose record was changed: who catches the class catches it."""
    core = pytest.importorskip("pydantic_core")
    made = cast("Any", validation_error(core.ValidationError, message))
    assert type(made) is core.ValidationError
    [error] = made.errors()
    assert error["msg"] in ("", message)
    assert message in str(made) or "x" in error["loc"]


def raised_by_pydantic(kind: Any, value: Any) -> Any:
    """What pydantic raises of a value that is none of a kind."""
    pydantic = pytest.importorskip("pydantic")
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(kind).validate_python(value)
    return caught.value


class OnTwoLines:
    """Shows itself with a line break."""

    def __repr__(self) -> str:
        return "<on\ntwo>"


def unfit() -> dict[str, tuple[Any, Any]]:
    """By what is odd about them: a kind, and a value that is none of it."""
    pydantic = pytest.importorskip("pydantic")
    core = pytest.importorskip("pydantic_core")

    def refused(_: Any) -> Any:
        raise core.PydanticCustomError("odd", "no {c} and {{ here")

    few = cast("Any", Annotated)[set[int], pydantic.Field(max_length=1)]
    price = cast("Any", Annotated)[Decimal, pydantic.Field(ge=Decimal("2.50"))]
    own = cast("Any", Annotated)[int, pydantic.BeforeValidator(refused)]
    keys = ("007", "", "  two", "a\nb", "٣", "²", "gpt-4.1", "a`b.c", "`x`", ".", "-0", "9" * 30)
    return {
        **{f"the key {key!r}": (dict[str, dict[str, int]], {key: {"n": "x"}}) for key in keys},
        "an index from the end": (dict[int, int], {-1: "x"}),
        "a decimal bound": (price, "1"),
        "more than were counted": (few, {1, 2}),
        "an input on two lines": (int, OnTwoLines()),
        "a template without its members": (own, 1),
        "many": (list[int], ["x"] * 300),
    }


@pytest.mark.parametrize("what", unfit())
def test_an_error_of_pydantic_tells_the_same_in_its_parts(what: str) -> None:
    """Each with its place, and with a context where it had one."""
    error = raised_by_pydantic(*unfit()[what])
    made = cast("Any", validation_error(type(error), str(error)))
    assert str(made) == str(error)
    told = [[{**each, "input": None, "ctx": str(each.get("ctx"))} for each in one.errors()] for one in (made, error)]
    if "decimal" in what:
        assert told[0][0].pop("ctx") != told[1][0].pop("ctx")  # a text has no type
    assert told[0] == told[1]


@pytest.mark.parametrize("size", [40, 60, 200, 230, 280, 300, 310, 330, 400, 1000])
def test_an_error_of_pydantic_that_was_cut_has_as_many(size: int) -> None:
    """It says what is left of its message, and something behind it."""
    error = raised_by_pydantic(list[int], ["x"] * 30)
    made = cast("Any", validation_error(type(error), str(error)[:size]))
    assert str(made).startswith(str(error)[:size])
    assert made.error_count() == 30


QUOTED = " [type=a, input_value=b, input_type=c"


INNER = f"1 validation error for A\nx\n  Field required{QUOTED}]\n    For further information visit https://e/v/missing"


@pytest.mark.parametrize("text", [QUOTED, QUOTED * 1300, f"{QUOTED * 1300}\n", "a\n  b", "]\n" * 9000, INNER])
def test_an_error_of_pydantic_may_quote_what_looks_like_one(text: str) -> None:
    """As its message, its input or both; of one as long as a record has it, in the time that it takes to read it."""
    pydantic = pytest.importorskip("pydantic")

    def refused(value: Any) -> Any:
        raise ValueError(f"no {value}")

    quotes = cast("Any", Annotated)[str, pydantic.AfterValidator(refused)]
    model = pydantic.create_model(
        "Order", city=(quotes, ...), count=(int, ...), few=(str, pydantic.Field(max_length=3))
    )
    with pytest.raises(pydantic.ValidationError) as caught:
        model(city=text, count=text, few=text)
    made = cast("Any", validation_error(pydantic.ValidationError, str(caught.value)))
    told = [[(error["loc"], error["type"], error["msg"]) for error in one.errors()] for one in (made, caught.value)]
    assert told[0] == told[1]


def test_the_class_of_an_error_is_told_where_its_name_does_not(store: Store) -> None:
    """With its module; of Python's own and of Runstone's the name alone is."""

    class OwnError(Exception):
        pass

    with store.run("agent", run_id="r") as run:

        @run.tool()
        def tool(exc: BaseException) -> None:
            raise exc

        for exc in (ValueError("m"), RunstoneError("mine", "m"), OwnError("m")):
            with pytest.raises(type(exc)):
                tool(exc)
    own = "test_the_class_of_an_error_is_told_where_its_name_does_not.<locals>.OwnError"
    assert [call["error"].get("class") for call in calls(store)] == [None, None, f"{__name__}.{own}"]


def raised_again(name: str, told: Any, message: str) -> BaseException:
    """What a replay makes of an error that a record tells by its name, its class and its message."""
    call = {"call": "call-1", "name": "t", "args": None, "parent": None}
    match = RecordedCall("tool", {"seq": 0, "data": call}, None)
    match.answer = {"data": {"error": {"type": name, "message": message, "class": told}}}
    return exception_of(cast("Any", None), match)


CLASSES = [
    ("KeyError", None, KeyError),
    ("JSONDecodeError", "json.decoder.JSONDecodeError", json.JSONDecodeError),
    ("JSONDecodeError", "moved.JSONDecodeError", RecordedError),
    ("PicklingError", None, pickle.PicklingError),
    ("PicklingError", "moved.PicklingError", pickle.PicklingError),
    ("Nowhere", "at.all.Nowhere", RecordedError),
    ("odd\0", ["odd"], RecordedError),
]


@pytest.mark.parametrize(("name", "told", "kind"), CLASSES)
def test_a_class_is_found_in_full_or_by_a_name_that_is_the_only_one(name: str, told: Any, kind: Any) -> None:
    """Whatever an older record tells, or one of a program that has changed since."""

    class JSONDecodeError(Exception):
        pass

    made = raised_again(name, told, "'m'")
    assert isinstance(made, kind)
    assert str(made) == "'m'"
    assert JSONDecodeError is not type(made)


class RestsOnPartsError(Exception):
    """Tells nothing without what its class sets."""

    def __getattr__(self, name: str) -> Any:
        return self.parts[name]

    def __repr__(self) -> str:
        return self.parts["shown"]  # type: ignore[no-any-return]  # whatever it is


class TellsAnythingError(Exception):
    """Tells something without it."""

    def __getattr__(self, name: str) -> Any:
        return len(name)


LOST = [
    (HTTPError, "HTTP Error 404: Not Found"),
    (HTTPError, "withheld"),
    (re.error, WITHHELD),
    (IncompleteRead, "IncompleteRead(3 bytes read)"),
    (NoSectionError, "No section: 'a'"),
    (RestsOnPartsError, "odd"),
    (KeyError, "'odd'"),
]


@pytest.mark.parametrize(("kind", "message"), LOST)
def test_what_is_lost_of_an_exception_is_said_to_be(kind: type[BaseException], message: str) -> None:
    """Whatever its class does about attributes; and it can be shown."""
    made = raised_again(kind.__name__, class_name(kind), message)
    with pytest.raises(AttributeError, match=f"^'{kind.__name__}' object has no attribute 'file': a replay knows what"):
        _ = cast("Any", made).file
    assert (getattr(made, "headers", None), kind.__name__ in repr(made)) == (None, True)
    assert "".join(traceback.format_exception(made)).endswith(f"{kind.__name__}: {message}\n")


def test_what_a_class_tells_of_any_attribute_is_told() -> None:
    """Where it rests on nothing that is lost."""
    assert cast("Any", raised_again("TellsAnythingError", class_name(TellsAnythingError), "odd")).three == 5


@pytest.mark.parametrize("part", [": '", ' -> "', ": Path(", "' -> '", "\\'", ": a", "Path('", "1: "])
def test_a_long_message_is_read_in_time(part: str) -> None:
    """However many beginnings of names it has."""
    message = f"[Errno 2] gone: '{part * (MAX_TEXT // len(part))}"
    made = cast("Any", raised_again("FileNotFoundError", None, message))
    assert (made.errno, str(made)) == (2, message)
    command = f"[{message}"
    failed = class_name(subprocess.CalledProcessError)
    made = cast("Any", raised_again("CalledProcessError", failed, f"Command '{command}' died with unknown signal 9."))
    assert (made.cmd, made.returncode) == (command, -9)


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


def test_of_very_many_classes_that_are_told_alike_it_is_what_they_share() -> None:
    """To derive one of them all takes the longer the more there are."""

    class SharedError(Exception):
        pass

    kinds = [type("Alike", (SharedError,), {}) for _ in range(MAX_ALIKE + 1)]
    made = raised_again("Alike", class_name(kinds[0]), "m")
    assert (isinstance(made, SharedError), isinstance(made, kinds[0]), str(made)) == (True, False, "m")


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
