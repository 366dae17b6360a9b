"""`runstone audit`: every call, block and approval of a run, for people at 80 columns and for programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.format.agent_story import approval, asked, called, research, returned, ruled

import runstone
from runstone.contracts.agent import AgentRun, ArtifactStore
from runstone.engine.live import forget
from runstone.engine.store import Store

from .conftest import HOSTILE, Invoke, raw_controls, seal, seal_hostile


def audited(store: Store) -> str:
    """A sealed run of the research agent; answers its id."""
    run = ArtifactStore(store).open(AgentRun("research", version="1.2", request_id="r-17", user="ann"))
    research(run)
    run.finish("success")
    return run.run_id


def lines(text: str) -> list[str]:
    """Lines without what only sets them apart."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_every_call_block_and_approval_is_told(store: Store, invoke: Invoke) -> None:
    """Calls in order, below their parents, with what ruled over them; a call's line has all that is measured of it."""
    run_id = audited(store)
    found = invoke("audit", run_id)
    assert (found.status, found.err) == (0, "")
    table = [line.split("  ") for line in found.out.splitlines()]
    told = lines(found.out)
    for call in range(1, 11):
        assert any(line[-1] == f"call-{call}" for line in table)
    assert any("fetch error 12 ms 3 - - call-3" in line for line in told)
    assert any("model small-1 ok 812 ms 1 1284 0.0031 EUR call-1" in line for line in told)
    assert any(
        line.startswith("approved by ann at 20") and line.endswith("(rule approval): looks fine") for line in told
    )
    assert any(line.startswith("refused by ann at 20") for line in told)
    assert any(line.startswith("unanswered at 20") for line in told)
    assert "blocked by rule budget_calls (budget) measured 8, threshold 7 calls, policy calls 2" in told
    assert "Timeout: no answer within 10 s" in told
    assert "answered by small-1-2026-05-01" in told
    assert {f"began run part-{part}" for part in (1, 2, 3)} <= set(told)
    assert "does not fit: expected integer; found string" in told
    assert '[irreversible] {"command": "rm -r notes"}' in told
    assert "tools 3 ok, 1 error, 3 blocked, 1 cancelled" in told
    assert "tokens 1216 in (1000 cached), 80 out" in told
    assert "cost 0.00312 EUR" in told


def test_a_call_stands_below_its_parent(store: Store, invoke: Invoke) -> None:
    """By two blanks a level, and in the order of calling."""
    run = store.run("agent")
    for call, parent in (("a", None), ("b", None), ("a1", "a"), ("a11", "a1"), ("b1", "b")):
        called(run, call, call, None, parent=parent)
    run.finish()
    page = invoke("audit", run.run_id).out.partition("TOTALS")[0]
    shown = [(len(line) - len(line[8:].lstrip()), line.split()[1]) for line in page.splitlines() if " open" in line]
    assert [(column - shown[0][0], name) for column, name in shown] == [
        (0, "a"), (2, "a1"), (4, "a11"), (0, "b"), (2, "b1"),
    ]  # fmt: skip


def test_programs_get_everything(store: Store, invoke: Invoke) -> None:
    """`--json` has whole arguments and results, and who approved what when."""
    run_id = audited(store)
    found = invoke("audit", run_id, "--json").value
    rows = {row["call"]: row for row in found["rows"]}
    assert (found["run_id"], found["request_id"], found["user"]) == (run_id, "r-17", "ann")
    assert rows["call-2"]["result"] == ["p1", "p2"]
    assert rows["call-2"]["contract_version"] == "1"
    (said,) = rows["call-5"]["approvals"]
    assert (said["by"], said["outcome"], said["reason"], said["at"][-1]) == ("ann", "approved", "looks fine", "Z")
    assert [row["depth"] for row in found["rows"][:4]] == [0, 0, 1, 1]
    assert found["totals"]["cost"] == {"EUR": "0.00312"}


def test_an_open_run_has_an_audit(store: Store, invoke: Invoke) -> None:
    """What it recorded so far; a call that waits is open."""
    run = store.run("agent", run_id="at-work")
    called(run, "call-1", "search", {"q": "x"})
    found = invoke("audit", "at-work")
    assert found.status == 0
    assert any("search open" in line for line in lines(found.out))
    assert found.out.startswith("agent  running")
    assert "it is sealed when its process finishes it" in found.out
    assert invoke("audit", "at-work", "--json").value["closed_at"] is None
    run.finish()


def test_a_run_whose_process_died_has_an_audit(store: Store, invoke: Invoke) -> None:
    """Its status is what recovery makes of it, and the page says what to do."""
    run = store.run("agent", run_id="left")
    called(run, "call-1", "search", {"q": "x"})
    journal = run.writer.journal
    run.writer.become_inert()
    forget(run)
    journal.close()
    found = invoke("audit", "left")
    assert found.out.startswith("agent  interrupted")
    assert "runstone recover left seals it" in found.out


def test_no_such_run_is_status_3(store: Store, invoke: Invoke) -> None:
    """With the code where it is asked for."""
    seal(store)
    found = invoke("audit", "nobody", "--json")
    assert (found.status, found.value["code"]) == (3, "run_not_found")
    assert invoke("audit", "nobody").status == 3


def test_a_run_without_calls_says_so(store: Store, invoke: Invoke) -> None:
    """Of whatever contract."""
    found = invoke("audit", seal(store, contract="ovc", run_id="20260117T143052Z__P2-Backfill__a1b2c3d"))
    assert (found.status, found.out.splitlines()[-1]) == (0, "no call, block or approval was recorded")


def test_the_runs_own_decision_and_its_override_are_told(store: Store, invoke: Invoke) -> None:
    """A gate that blocked, the rule, and who overrode it afterwards."""
    run = store.run("cut")
    ruled(run, None, "block", "speed", "OVER_LIMIT", measured=90, threshold=80, unit="m/s")
    run.finish("blocked")
    store.override(run.run_id, by="ann", reason="a piece of foam")
    told = lines(invoke("audit", run.run_id).out)
    assert any(line.endswith("decision of the run block -") for line in told)
    assert "blocked by rule speed (OVER_LIMIT) measured 90, threshold 80 m/s, policy calls 2" in told
    (said,) = invoke("audit", run.run_id, "--json").value["overrides"]
    assert (said["by"], said["outcome"], said["reason"]) == ("ann", "allow", "a piece of foam")
    assert any(line.startswith("allow by ann at 20") for line in told)


def test_only_rules_that_do_not_hold_are_told_of_a_gate(store: Store, invoke: Invoke) -> None:
    """The one that the reason names blocked, another one warned; one that holds did neither. Nothing is summed up."""
    rules = [
        {"id": "too_hot", "fact": "/temp", "max": 80, "level": "RED"},
        {"id": "too_fast", "fact": "/speed", "max": 100, "level": "RED"},
        {"id": "noisy", "fact": "/noise", "max": 10, "level": "YELLOW"},
    ]
    policy = {"name": "saw", "version": "1", "levels": ["GREEN", "YELLOW", "RED"], "blocks": "RED", "rules": rules}
    facts = {"temp": 90, "speed": 5, "noise": 11}
    work = runstone.gate("cut", policy=policy, facts=lambda: facts, store=store)(lambda: None)
    with pytest.raises(runstone.PolicyBlocked) as blocked:
        work()
    page = invoke("audit", blocked.value.run_id).out
    assert lines(page)[-2:] == [
        "blocked by rule too_hot (over_limit) measured 90, threshold 80, policy saw 1",
        "warned by rule noisy (over_limit) measured 11, threshold 10, policy saw 1",
    ]
    assert "TOTALS" not in page
    facts["temp"] = 20
    work()
    assert lines(invoke("audit", "@latest").out)[-1].startswith("warned by rule noisy (over_limit)")
    facts["noise"] = 1
    work()
    assert lines(invoke("audit", "@latest").out)[-1] == "allowed, policy saw 1"


def test_a_block_that_no_rule_is_the_reason_of_tells_its_reason(store: Store, invoke: Invoke) -> None:
    """As a policy of one's own states it; the rules that do not hold warned."""
    rule = {"id": "speed", "status": "fail", "severity": "YELLOW", "reason_code": "over_limit"}
    answer = {"risk_level": "RED", "block_reason": "the blade is blunt", "rules": [rule]}
    policy = runstone.Policy("saw", "1", lambda _: answer, levels=["GREEN", "YELLOW", "RED"], blocks="RED")
    with pytest.raises(runstone.PolicyBlocked) as blocked:
        runstone.gate("cut", policy=policy, facts=dict, store=store)(lambda: None)()
    assert lines(invoke("audit", blocked.value.run_id).out)[-2:] == [
        "blocked: the blade is blunt, policy saw 1",
        "warned by rule speed (over_limit), policy saw 1",
    ]


def test_child_runs_are_told(store: Store, invoke: Invoke) -> None:
    """A sub-agent's run by its id, to be audited by itself."""
    with store.run("agent") as run:
        part = run.child("reader")
        part.finish("failed")
    assert part.run_id in lines(invoke("audit", run.run_id).out)


def test_calls_of_any_run_are_audited(store: Store, invoke: Invoke) -> None:
    """Tracked functions are calls, too."""
    with store.run("job") as run:
        runstone.track(lambda x: x, name="double")(2)
    assert any("double ok" in line for line in lines(invoke("audit", run.run_id).out))


def test_hostile_text_controls_no_terminal(store: Store, on_terminal: Callable[..., str]) -> None:
    """Whatever a tool, a model, a rule or an approval is called: control characters are shown, not sent."""
    run = ArtifactStore(store).open(AgentRun(HOSTILE, version=HOSTILE, user=HOSTILE, versions={HOSTILE: HOSTILE}))
    called(run, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, side_effect="write")
    approval(run, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    ruled(run, HOSTILE, "block", HOSTILE, HOSTILE, measured=HOSTILE, threshold=[HOSTILE], unit=HOSTILE)
    returned(run, HOSTILE, HOSTILE, error={"type": HOSTILE, "message": HOSTILE}, problems=[HOSTILE])
    asked(run, "m", HOSTILE)
    ruled(run, None, HOSTILE, HOSTILE, HOSTILE)
    run.finish()
    text = on_terminal("audit", run.run_id)
    assert raw_controls(text) == []
    assert "forged" not in [line.strip() for line in text.splitlines()]
    assert raw_controls(on_terminal("audit", seal_hostile(store))) == []


def test_it_fits_80_columns(store: Store, on_terminal: Callable[..., str]) -> None:
    """On a terminal; without colour every word is there that has one."""
    run_id = audited(store)
    plain = on_terminal("audit", run_id, NO_COLOR="1")
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 80
    coloured = on_terminal("audit", run_id)
    assert "\x1b[31mblocked" in coloured
    for word in ("approved", "refused", "unanswered", "blocked", "error", "cancelled"):
        assert word in plain


@pytest.mark.parametrize("kind", ["nightly evaluation of answers " * 6 + "end", "a-kind-without-a-blank-" * 6 + "end"])
@pytest.mark.parametrize("verb", ["audit", "show"])
def test_a_long_kind_goes_on_below_itself(store: Store, on_terminal: Callable[..., str], kind: str, verb: str) -> None:
    """The title fits 80 columns and loses nothing; the status stands below it. So it does of a run that is open."""
    run = store.run(kind, version="1")
    open_page = on_terminal(verb, run.run_id, NO_COLOR="1")
    run.finish()
    for page, status in ((open_page, "running"), (on_terminal(verb, run.run_id, NO_COLOR="1"), "success")):
        *title, said = page.partition("\n\n")[0].splitlines()
        assert max(map(len, title)) <= 80
        assert "".join(title).replace(" ", "") == f"{kind}1".replace(" ", "")
        assert said.split()[0] == status


def test_names_and_arguments_are_cut_on_a_terminal_only(
    store: Store, invoke: Invoke, on_terminal: Callable[..., str]
) -> None:
    """A long name is told whole below its row; in a pipe the row has it."""
    name = "a_tool_with_a_name_that_is_longer_than_its_column"
    run = store.run("agent")
    called(run, "call-1", name, {"text": "x" * 500})
    run.finish()
    shown = on_terminal("audit", run.run_id, NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= 80
    assert f"    {name} " in shown
    assert f"  {name}  open" in invoke("audit", run.run_id).out


def test_a_name_that_the_table_cuts_is_told_below(store: Store, on_terminal: Callable[..., str]) -> None:
    """Also a short one, where other columns take its place; one that is whole is told once."""
    run = store.run("agent")
    cost = {"amount": "0.000000000001", "currency": "EUR", "prices_sha256": None}
    called(run, "call-1", "outer", None)
    called(run, "call-2", "a_tool_that_fits", None, parent="call-1")
    returned(run, "call-2", usage={"input_tokens": 1}, cost=cost, attempts=2)
    run.finish()
    shown = on_terminal("audit", run.run_id, NO_COLOR="1")
    assert "      a_tool_that_fits\n" in shown.replace("\r", "")
    run = store.run("agent")
    called(run, "call-1", "a_tool_whose_name_is_whole", None)
    run.finish()
    assert on_terminal("audit", run.run_id, NO_COLOR="1").count("a_tool_whose_name_is_whole") == 1


def test_why_a_call_was_not_made_is_told(store: Store, invoke: Invoke) -> None:
    """By what its approver raised, too, behind the rule; what the rule says already is told once."""
    run = store.run("agent")
    for call, error in (("a", "PolicyBlocked"), ("b", "ConnectionError")):
        called(run, call, "write", None)
        ruled(run, call, "block", "approval.tools", "approval_needed")
        returned(run, call, "blocked", error={"type": error, "message": "nobody is there"}, attempts=0)
    run.finish()
    told = lines(invoke("audit", run.run_id).out)
    assert "ConnectionError: nobody is there" in told
    assert "PolicyBlocked: nobody is there" not in told


def test_what_does_not_fit_is_told_once(store: Store, invoke: Invoke) -> None:
    """By the error of the call, and what that leaves out below it."""
    run = store.run("agent")
    contract = {
        "name": "t",
        "version": "1",
        "arguments": {"properties": {"a": {"type": "null"}, "b": {"type": "null"}}},
    }
    with pytest.raises(runstone.InvalidInput), run.tool_call("t", {"a": 1, "b": 2}, contract=contract):
        pass
    run.finish()
    told = " ".join(lines(invoke("audit", run.run_id).out))
    assert told.count("/a expected null, found integer") == 1
    assert told.count("does not fit: /b expected null, found integer") == 1


def test_a_call_names_the_runs_that_it_began(store: Store, invoke: Invoke) -> None:
    """The runs of sub-agents stand below the call in which they were begun."""
    with store.run("agent") as run, run.tool_call("delegate"):
        parts = [run.child("reader") for _ in range(2)]
        for part in parts:
            part.finish()
    told = lines(invoke("audit", run.run_id).out)
    assert [line.removeprefix("began run ") for line in told if line.startswith("began")] == [
        part.run_id for part in parts
    ]


def test_a_damaged_run_is_told(store: Store, invoke: Invoke) -> None:
    """With the place of the damage, and status 1."""
    run_id = audited(store)
    place = Path(store.url) / run_id / "events.jsonl"
    place.chmod(0o644)
    place.write_bytes(b"x" * place.stat().st_size)
    found = invoke("audit", run_id)
    assert (found.status, found.out) == (1, "")
    assert "events.jsonl" in found.err


@pytest.mark.parametrize("count", [10_000])
def test_many_calls_are_audited(store: Store, invoke: Invoke, count: int) -> None:
    """Ten thousand, whose sums are right."""
    run = store.run("agent")
    for number in range(count):
        called(run, f"call-{number}", "t", None)
        returned(run, f"call-{number}", cost={"amount": "0.001", "currency": "EUR", "prices_sha256": None})
    run.finish()
    found = invoke("audit", run.run_id, "--json").value
    assert len(found["rows"]) == count
    assert found["totals"]["cost"] == {"EUR": "10"}
