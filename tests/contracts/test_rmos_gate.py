"""Toolpath requests behind the gate: what is answered, and what the document says, however they end."""

from __future__ import annotations

import hashlib
import json
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any

import pytest
from saw_service import CALM, GCODE, WILD, Service, build, feasibility, is_run
from tests.core.planted import checked
from tests.engine.called import contract

import runstone
from runstone.contracts.rmos import RunArtifact, sha256_json, sha256_text, sha256_toolpaths_payload
from runstone.engine.gatekeeper import Call
from runstone.engine.publishing import Publisher
from runstone.errors import RunstoneError, error

KEYS = [
    "run_id", "created_at_utc", "mode", "tool_id", "status", "request_summary", "feasibility", "decision", "hashes",
    "outputs", "meta",
]  # fmt: skip
NOTHING = dict.fromkeys(["gcode_text", "opplan_json", "gcode_path", "opplan_path", "preview_svg_path"])


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A saw service."""
    return Service(tmp_path / "runs")


def test_an_allowed_request_has_its_toolpaths(service: Service) -> None:
    """The payload, what names the run, and the hashes, which were taken before that was added."""
    answer = service.ask(CALM)
    payload = build("saw", CALM, feasibility("saw", CALM))
    assert answer.status == 200
    assert {key: answer.content[key] for key in payload} == payload
    assert set(answer.content) - set(payload) == {"_run_id", "_run_artifact_path", "_hashes"}
    assert answer.content["_hashes"] == {
        "feasibility_sha256": sha256_json(feasibility("saw", CALM)),
        "toolpaths_sha256": sha256_toolpaths_payload(payload),
        "gcode_sha256": sha256_text(GCODE),
        "opplan_sha256": sha256_json(payload["opplan_json"]),
    }


def test_the_document_of_an_allowed_request(service: Service) -> None:
    """Every member, in its order."""
    answer = service.ask(CALM, feasibility={"risk_level": "GREEN", "mine": True})
    found = service.one(answer)
    judged = feasibility("saw", CALM)
    assert list(found) == KEYS
    assert is_run(found["run_id"])
    assert found["created_at_utc"] == service.kernel(answer).opened_at
    assert (found["mode"], found["tool_id"], found["status"]) == ("saw", "saw:veneer_160", "OK")
    assert found["request_summary"] == CALM
    assert found["feasibility"] == judged
    assert found["decision"] == {
        "risk_level": "GREEN",
        "score": judged["score"],
        "block_reason": None,
        "warnings": [],
        "details": judged["details"],
    }
    assert found["hashes"] == answer.content["_hashes"]
    assert found["outputs"] == {**NOTHING, "gcode_text": GCODE, "opplan_json": answer.content["opplan_json"]}
    assert found["meta"] == {"dispatch": {"mode": "saw"}}
    assert RunArtifact.model_validate(found).decision.risk_level == "GREEN"


def test_hashes_tell_floats_from_integers(service: Service) -> None:
    """They hold over what is read back from the bundle: record, seal, reopen, fold."""
    answer = service.ask(CALM)
    service = Service(service.folder)
    text = service.store.read(answer.content["_run_id"]).decode()
    assert '"feed": 2.0' in text
    assert '"depth": 2.0' in text
    found = json.loads(text)
    assert sha256_json(found["feasibility"]) == found["hashes"]["feasibility_sha256"]
    assert sha256_json(found["outputs"]["opplan_json"]) == found["hashes"]["opplan_sha256"]


def test_the_decision_keeps_the_numbers_of_the_feasibility(tmp_path: Path) -> None:
    """A score is a float, and details are spelled as they were computed."""
    judged = {"safety": {"risk_level": "GREEN", "score": 90.0, "details": {"rim": 40.0, "teeth": 24, "big": 10**20}}}
    functions: dict[str, Any] = {"feasibility": {"saw": lambda **_: judged}, "toolpaths": {"saw": lambda **_: {}}}
    service = Service(tmp_path / "runs", **functions)
    answer = service.ask(CALM)
    found = service.one(answer)["decision"]
    text = service.store.read(answer.content["_run_id"]).decode()
    assert found["details"] == judged["safety"]["details"]
    assert text.count('"score": 90.0') == 2
    assert text.count('"rim": 40.0') == 2


@pytest.mark.parametrize("own", [{"risk_level": "RED"}, {}], ids=["its own", "of safety"])
def test_details_may_be_called_as_those_of_a_gate(tmp_path: Path, own: dict[str, Any]) -> None:
    """They are told as they were computed, and are no override, no facts and no request."""
    details = {
        "override": {"by": "boss", "reason": "of the feed limit"},
        "facts": 7,
        "request_sha256": "x",
        "rim": 40.0,
    }
    part = {"risk_level": "GREEN", "details": details}
    judged = {**own, "details": details, "safety": {"risk_level": "GREEN"}} if own else {"safety": part}
    functions: dict[str, Any] = {"feasibility": {"saw": lambda **_: judged}, "toolpaths": {"saw": lambda **_: {}}}
    service = Service(tmp_path / "runs", **functions)
    answer = service.ask(CALM)
    found = service.one(answer)
    assert (found["decision"]["details"], "override" in found["meta"]) == (details, False)
    assert service.store.read(found["run_id"]).decode().count('"rim": 40.0') == 2
    assert "override" not in next(service.kernel(answer).events("decision"))["data"]["details"]


@pytest.mark.parametrize(
    ("judged", "level"),
    [
        ({"risk_level": "RED", "safety": {"risk_level": "GREEN"}}, "RED"),
        ({"risk_level": "GREEN", "safety": {"risk_level": "RED"}}, "RED"),
        ({"risk_level": "RED", "safety": {"note": "none"}}, "RED"),
        ({"risk_level": "MAUVE", "safety": {"risk_level": "GREEN"}}, "UNKNOWN"),
        ({"risk_level": ["RED"], "safety": {"risk_level": "GREEN"}}, "UNKNOWN"),
        ({"safety": {"note": "none"}}, "UNKNOWN"),
        ({"safety": {"score": 3, "block_reason": "worn"}}, "UNKNOWN"),
    ],
)
def test_of_two_levels_the_worse_counts(judged: dict[str, Any], level: str, tmp_path: Path) -> None:
    """The feasibility's own and its member `safety` tell one each: neither takes the other away."""
    functions: dict[str, Any] = {"feasibility": {"saw": lambda **_: judged}, "toolpaths": {"saw": lambda **_: {}}}
    answer = Service(tmp_path / "runs", **functions).ask(CALM)
    assert answer.status == 409
    assert answer.content["detail"]["decision"]["risk_level"] == level


def test_a_blocked_request(service: Service) -> None:
    """RED, whatever the client says of it; nothing is built."""
    answer = service.ask(WILD, feasibility={"risk_level": "GREEN"}, fail="it was built")
    found = service.one(answer)
    assert (answer.status, list(answer.content), list(answer.content["detail"])) == (
        409,
        ["detail"],
        ["error", "message", "run_id", "run_artifact_path", "decision"],
    )
    assert answer.content["detail"]["error"] == "SAFETY_BLOCKED"
    assert answer.content["detail"]["decision"] == found["decision"]
    assert (found["status"], found["decision"]["risk_level"]) == ("BLOCKED", "RED")
    assert found["decision"]["block_reason"] == "rim speed over 80 m/s"
    assert found["meta"] == {"policy": {"block_on_red": True, "treat_unknown_as_red": True}}
    assert (found["outputs"], found["hashes"]["toolpaths_sha256"]) == (NOTHING, None)
    assert "feasibility" not in found["request_summary"]
    assert service.kernel(answer).status == "blocked"


class Risk(str, Enum):  # noqa: UP042  # as the first writer has it
    """A level that is text."""

    GREEN = "GREEN"


def test_a_level_may_be_a_member_of_an_enumeration(tmp_path: Path) -> None:
    """Whose text is its value."""
    judged = {"risk_level": Risk.GREEN, "score": 90}
    service = Service(tmp_path / "runs", feasibility={"saw": lambda **_: judged})
    answer = service.ask(CALM, gcode="M2")
    assert (answer.status, service.one(answer)["decision"]["risk_level"]) == (200, "GREEN")
    assert answer.content["_hashes"]["feasibility_sha256"] == sha256_json(judged)


@pytest.mark.parametrize("level", ["UNKNOWN", "PURPLE", "", None, 7, ["GREEN"]])
def test_a_level_that_nobody_knows_blocks(service: Service, level: Any) -> None:
    """As UNKNOWN."""
    found = service.one(service.ask(CALM, forced=level))
    assert (found["status"], found["decision"]["risk_level"]) == ("BLOCKED", "UNKNOWN")


def test_a_mode_that_nobody_can_judge_is_unknown(service: Service) -> None:
    """It blocks, and its feasibility is empty."""
    answer = service.ask(CALM, tool_id="router:ball_6")
    found = service.one(answer)
    assert (answer.status, found["mode"], found["status"]) == (409, "router", "BLOCKED")
    assert (found["decision"]["risk_level"], found["feasibility"]) == ("UNKNOWN", {})
    assert found["hashes"]["feasibility_sha256"] == hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize(
    "broken",
    [
        lambda **_: 1 / 0,
        lambda **_: None,
        lambda **_: {"score": float("nan"), "risk_level": "GREEN"},
        lambda **_: {"risk_level": "GREEN", "at": object()},
        lambda **_: {"risk_level": "GREEN", "at": "\ud800"},
        lambda: {"risk_level": "GREEN"},
    ],
)
def test_feasibility_that_cannot_be_computed_blocks(tmp_path: Path, broken: Any) -> None:
    """With risk ERROR, whatever kept it from being computed."""
    service = Service(tmp_path / "runs", feasibility={"saw": broken})
    answer = service.ask(CALM)
    found = service.one(answer)
    assert (answer.status, answer.content["detail"]["error"]) == (409, "SAFETY_BLOCKED")
    assert (found["status"], found["decision"]["risk_level"], found["feasibility"]) == ("BLOCKED", "ERROR", {})
    assert found["decision"]["block_reason"].startswith("Feasibility could not be computed: ")


def test_what_a_contract_drops_stands_in_no_reason(tmp_path: Path) -> None:
    """An argument of a tool that fails while feasibility is computed is not published in its message."""
    card = "plain words of a card"
    drops = contract("pay", handling={"arguments": {"/card": "drop"}})

    def feasible(**_: Any) -> None:
        run = runstone.current_run()
        assert run is not None

        @run.tool(drops)
        def pay(card: str) -> None:
            raise ValueError(f"declined: {card}")

        pay(card)

    service = Service(tmp_path / "runs", feasibility={"saw": feasible})
    answer = service.ask(CALM)
    found = service.one(answer)
    assert found["decision"]["block_reason"].startswith("Feasibility could not be computed: ValueError: declined: [")
    assert card not in json.dumps([found, answer.content])


def test_a_request_whose_toolpaths_fail(service: Service) -> None:
    """500, and the record has the exception; no output stands in it."""
    answer = service.ask(CALM, fail="the blade broke")
    found = service.one(answer)
    assert (answer.status, list(answer.content["detail"])) == (500, ["error", "run_id", "run_artifact_path"])
    assert answer.content["detail"]["error"] == "TOOLPATHS_ERROR"
    assert found["status"] == "ERROR"
    assert found["meta"] == {"exception": {"type": "ValueError", "message": "the blade broke"}}
    assert (found["decision"]["risk_level"], found["outputs"]) == ("GREEN", NOTHING)
    assert service.statuses() == ["failed"]


@pytest.mark.parametrize("payload", [None, ["G0"], {"gcode_text": float("inf")}, {"x": {1, 2}}])
def test_a_payload_that_is_no_json_object_fails(tmp_path: Path, payload: Any) -> None:
    """As any other failure of the builder."""
    service = Service(tmp_path / "runs", toolpaths={"saw": lambda **_: payload})
    answer = service.ask(CALM)
    assert (answer.status, service.one(answer)["status"]) == (500, "ERROR")


def test_a_mode_that_cannot_be_told_is_unknown(tmp_path: Path) -> None:
    """Where the program's own function fails, the request is recorded, and blocked."""
    service = Service(tmp_path / "runs", resolve_mode=lambda _: 1 / 0)
    found = service.one(service.ask(CALM))
    assert (found["mode"], found["status"], found["decision"]["risk_level"]) == ("unknown", "BLOCKED", "UNKNOWN")


def test_a_mode_without_a_builder_fails(tmp_path: Path) -> None:
    """It is allowed, and nobody can do it."""
    service = Service(tmp_path / "runs", toolpaths={})
    answer = service.ask(CALM)
    assert (answer.status, service.one(answer)["meta"]["exception"]["type"]) == (500, "InvalidInput")


def test_long_gcode_is_a_file_of_the_bundle(service: Service) -> None:
    """Over 200,000 characters; at that length it stands in the document."""
    for count, inline in ((200_000, True), (200_001, False)):
        gcode = ("G1 X1\n" * 40_000)[:count]
        answer = service.gate.__class__(
            service.store, service.gate.feasibility, {"saw": lambda gcode=gcode, **_: {"gcode": gcode}}
        ).answer(CALM)
        found, sealed = service.one(answer), service.kernel(answer)
        assert found["hashes"]["gcode_sha256"] == sha256_text(gcode)
        assert found["hashes"]["toolpaths_sha256"] == sha256_json({"gcode": gcode})
        assert (found["outputs"]["gcode_text"] == gcode, found["outputs"]["gcode_path"]) == (
            (True, None) if inline else (False, "artifacts/gcode.nc")
        )
        if not inline:
            assert sealed.file("artifacts/gcode.nc").decode() == gcode
        (use,) = service.store.store.find(f"sha256:{sha256_text(gcode)}")
        assert (use.row["run_id"], use.decision and use.decision["risk_level"]) == (found["run_id"], "GREEN")
        assert use.decision["facts_sha256"] == found["hashes"]["feasibility_sha256"]


def test_a_large_payload_is_a_file_of_the_bundle(tmp_path: Path) -> None:
    """Its hash is that of the file; G-code and plan are told as ever."""
    payload = {"gcode": GCODE, "opplan": {"depth": 2.0}, "preview": "p" * 1_200_000}
    service = Service(tmp_path / "runs", toolpaths={"saw": lambda **_: payload})
    answer = service.ask(CALM)
    found, sealed = service.one(answer), service.kernel(answer)
    assert answer.content["preview"] == payload["preview"]
    assert found["hashes"]["toolpaths_sha256"] == sha256_json(payload)
    assert found["hashes"]["opplan_sha256"] == sha256_json({"depth": 2.0})
    assert found["outputs"] == {**NOTHING, "gcode_text": GCODE, "opplan_json": {"depth": 2.0}}
    assert json.loads(sealed.file("artifacts/toolpaths.json")) == payload


def test_a_large_plan_is_a_file_of_the_bundle(tmp_path: Path) -> None:
    """It has its hash and its place, as long G-code does."""
    plan = {"kind": "é" * 600_000, "depth": 2.0}
    service = Service(tmp_path / "runs", toolpaths={"saw": lambda **_: {"gcode": GCODE, "opplan": plan}})
    answer = service.ask(CALM)
    found, sealed = service.one(answer), service.kernel(answer)
    assert found["hashes"]["opplan_sha256"] == sha256_json(plan)
    assert found["outputs"] == {**NOTHING, "gcode_text": GCODE, "opplan_path": "artifacts/opplan.json"}
    assert json.loads(sealed.file("artifacts/opplan.json")) == plan


def test_a_plan_may_be_called_anything(tmp_path: Path) -> None:
    """Names that the kernel uses for its own mean nothing in it."""
    plan = {"$json": "{}"}
    service = Service(tmp_path / "runs", toolpaths={"saw": lambda **_: {"opplan": plan}})
    found = service.one(service.ask(CALM))
    assert (found["outputs"]["opplan_json"], found["hashes"]["opplan_sha256"]) == (plan, sha256_json(plan))


@pytest.mark.parametrize(("score", "shown"), [(2**70, 2.0**70), (10**400, None)], ids=["large", "beyond"])
def test_a_score_is_a_number_however_large(tmp_path: Path, score: int, shown: float | None) -> None:
    """The journal has it as text; one that is beyond the floats is no score, and keeps no document from being made."""
    judged = {"risk_level": "GREEN", "score": score}
    service = Service(tmp_path / "runs", feasibility={"saw": lambda **_: judged})
    found = service.one(service.ask(CALM, gcode="M2", tool_id="saw:x"))
    assert (found["decision"]["score"], found["feasibility"]["score"]) == (shown, score)


def test_secrets_stay_out_of_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the request, the feasibility and the answer; hashes are of what is recorded."""
    monkeypatch.setenv("SPINDLE_PASSWORD", "Zq9-torque-Lampion")
    service = Service(tmp_path / "runs")
    answer = service.ask(CALM, operator="Zq9-torque-Lampion")
    found = service.one(answer)
    assert found["request_summary"]["operator"].startswith("[REDACTED:")
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert not any(b"torque-Lampion" in path.read_bytes() for path in files)


def test_a_policy_of_ones_own_decides(tmp_path: Path) -> None:
    """On the feasibility, by rules that are recorded."""
    policy = {
        "name": "saw",
        "version": "3",
        "levels": ["GREEN", "YELLOW", "RED"],
        "blocks": "RED",
        "review": "YELLOW",
        "rules": [{"id": "rim", "fact": "/details/rim_speed_m_s", "max": 30, "level": "RED", "unit": "m/s"}],
    }
    service = Service(tmp_path / "runs", policy=policy)
    assert service.ask(CALM).status == 200
    answer = service.ask(CALM, rpm=4000)
    assert (answer.status, service.one(answer)["decision"]["block_reason"]) == (409, "rim: over_limit")
    assert next(service.kernel(answer).events("decision"))["data"]["policy"]["version"] == "3"


@pytest.mark.parametrize("odd", [float("nan"), "\ud800", object()])
def test_a_request_that_is_no_json_is_no_run(service: Service, odd: Any) -> None:
    """Rather than one whose request is missing."""
    with pytest.raises(RunstoneError):
        service.ask(CALM, note=odd)
    assert service.statuses() == []


def test_request_summaries_are_cut(service: Service) -> None:
    """80 keys in order; long lists and mappings by their length."""
    answer = service.ask(CALM, points=list(range(201)), table={str(key): key for key in range(300)}, short=[1] * 200)
    found = service.one(answer)["request_summary"]
    assert (found["points"], found["table"]) == ({"type": "list", "len": 201}, {"type": "dict", "len": 300})
    assert found["short"] == [1] * 200
    many = {**CALM, **{f"k{number:03}": number for number in range(200)}}
    assert list(service.one(service.ask(many))["request_summary"]) == sorted(many)[:80]


# what cannot be recorded


def test_nothing_is_done_unrecorded(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording switched off, or a store that cannot be written: 503, and nothing was built."""
    monkeypatch.setenv("RUNSTONE_DISABLED", "1")
    answer = service.ask(CALM, fail="it was built")
    assert (answer.status, answer.content["detail"]["error"]) == (503, "STORE_UNAVAILABLE")
    monkeypatch.delenv("RUNSTONE_DISABLED")
    folder = service.folder.with_name("file")
    folder.write_text("no folder")
    assert Service(folder).ask(CALM).status == 503


def test_an_answer_whose_document_is_not_published_is_withheld(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work was done: 500 names the run and no file, and recovery publishes it."""
    publish = Publisher.publish_sealed
    full = error("store_unavailable", "full")
    monkeypatch.setattr(Publisher, "publish_sealed", lambda *_: (_ for _ in ()).throw(full))
    answer = service.ask(CALM)
    told = answer.content["detail"]
    assert (answer.status, told["error"], told["run_artifact_path"]) == (500, "TOOLPATHS_ERROR", None)
    monkeypatch.setattr(Publisher, "publish_sealed", publish)
    assert [recovery.outcome for recovery in service.store.store.recover()] == ["published"]
    assert service.store.document(told["run_id"])["status"] == "OK"


def test_a_block_whose_document_is_not_published_is_a_block(service: Service) -> None:
    """409 with its decision, whatever stands in the way of the file; of that there is no path."""
    day = service.store.path(service.ask(CALM).content["_run_id"]).parent
    day.rename(day.with_name("aside"))
    day.write_text("no folder")
    answer = service.ask(WILD)
    told = answer.content["detail"]
    assert (answer.status, told["error"], told["decision"]["risk_level"]) == (409, "SAFETY_BLOCKED", "RED")
    assert (list(told)[-2:], told["run_artifact_path"]) == (["run_artifact_path", "decision"], None)
    assert service.store.runs().items[0]["status"] == "BLOCKED"
    failed = service.ask(CALM, fail="the blade broke")
    assert (failed.status, failed.content["detail"]["run_artifact_path"]) == (500, None)
    day.unlink()
    assert {recovery.outcome for recovery in service.store.store.recover()} == {"published"}
    assert service.store.path(told["run_id"]).is_file()


def test_a_killed_request_leaves_an_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recovery seals it as interrupted, and publishes what it had come to."""
    from faults.scenes import die

    def killed(call: Call, _: Any) -> None:
        die(call.run)
        raise KeyboardInterrupt

    monkeypatch.setattr(Call, "done", killed)
    with pytest.raises(KeyboardInterrupt):
        service.ask(CALM)
    (recovery,) = service.store.store.recover()
    found = json.loads(service.store.path(recovery.run_id).read_bytes())
    assert (recovery.status, found["status"], found["decision"]["risk_level"]) == ("interrupted", "ERROR", "GREEN")
    assert found["meta"]["exception"] == {"type": "Interrupted", "message": "the run was interrupted"}


# lineage and overrides


def test_an_execution_names_its_plan(service: Service) -> None:
    """By `parent_plan_run_id`: plan, decision, execution, in both directions."""
    plan = service.ask(CALM).content["_run_id"]
    blocked = service.ask(WILD, parent_plan_run_id=plan).content["detail"]["run_id"]
    done = service.ask(CALM, parent_plan_run_id=blocked).content["_run_id"]
    assert service.store.document(done)["meta"]["lineage"] == {"parent_plan_run_id": blocked}
    found = service.store.lineage(blocked)
    assert [[row["run_id"] for row in found[side]] for side in ("before", "after")] == [[plan], [done]]
    assert [row["run_id"] for row in service.store.lineage(plan)["after"]] == [blocked, done]


def test_a_plan_that_is_not_here_is_told_without_a_link(service: Service) -> None:
    """The request is recorded all the same."""
    answer = service.ask(CALM, parent_plan_run_id="nowhere")
    assert service.one(answer)["meta"]["lineage"] == {"parent_plan_run_id": "nowhere"}
    assert service.kernel(answer).manifest["links"] == []


def test_an_override_lets_one_request_pass(service: Service) -> None:
    """By a named actor with a reason; the blocked run stays as it is."""
    blocked = service.ask(WILD).content["detail"]["run_id"]
    before = service.store.read(blocked)
    service.store.override(blocked, by="ann", reason="foam, supervised")
    answer = service.ask(WILD, override_of=blocked)
    found = service.one(answer)
    assert (answer.status, found["status"], found["decision"]["risk_level"]) == (200, "OK", "RED")
    assert (found["meta"]["override"]["by"], found["meta"]["override"]["reason"]) == ("ann", "foam, supervised")
    assert service.ask(WILD, override_of=blocked).status == 409
    assert service.store.read(blocked) == before
    assert service.store.amendments(blocked)[0]["override"]["reason"] == "foam, supervised"


def test_a_secret_at_the_cut_of_the_label_is_out(service: Service) -> None:
    """The name of a tool is cut once its secrets are out of it; what is short is the label as it is."""
    secret = f"ghp_{checked(Random(5))}"
    answer = service.ask(CALM, tool_id=f"saw:{'x' * 175} {secret}")
    label = service.kernel(answer).labels["tool_id"]
    assert [part for part in (secret, secret[:12]) if part in label] == []
    assert label.startswith(f"saw:{'x' * 175} [REDACTED")
    assert service.kernel(service.ask(CALM)).labels["tool_id"] == CALM["tool_id"]
