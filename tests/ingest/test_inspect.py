"""Import of Inspect's eval logs: what its own program wrote (`make_logs.py` made the files of `logs/`)."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from core.planted import checked

import runstone
from runstone.cli import main
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.times import parse_time
from runstone.engine.store import Store
from runstone.ingest.inspect.importing import import_log
from runstone.ingest.inspect.log import is_log, read_log
from runstone.ingest.inspect.scores import number_of

zstandard = pytest.importorskip("zstandard")

LOGS = Path(__file__).parent / "logs"
EVAL, JSON = LOGS / "sums.eval", LOGS / "zeros.json"
CALLS = ("model.called", "model.returned", "tool.called", "tool.returned")
PROMPTS = ("Count every step", "What is 1/2?", "The capital?", "if you please", "I do not know", "Be brief.")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return runstone.open(tmp_path / "runs")


def of_type(store: Store, run_id: str, kind: str) -> list[dict[str, Any]]:
    return [event["data"] for event in store.get(run_id).events(kind)]


def parts(path: Path = EVAL) -> dict[str, bytes]:
    """The files of a `.eval` log."""
    from runstone.locate import open_members

    members = open_members(str(path))
    try:
        return {name: members.read(name, 1 << 30) for name in members.names}
    finally:
        members.close()


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A `.eval` log as older versions of Inspect compress it."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return path


def changed(path: Path, change: Any) -> Path:
    """A log in JSON, changed."""
    log = json.loads(JSON.read_bytes())
    change(log)
    path.write_text(json.dumps(log))
    return path


def test_what_an_eval_log_tells(store: Store) -> None:
    """Task, version, model, times, settings, tokens; and where it came from."""
    run_id, digest, result = import_log(EVAL, store)
    sealed = store.get(run_id)
    header = json.loads(parts()["header.json"])
    assert run_id == f"inspect-{header['eval']['eval_id']}"
    assert (sealed.digest, result, sealed.kind, sealed.status) == (digest, "created", "sums", "success")
    opened = sealed.journal().opened
    assert opened["data"]["imported"] == {"format": "inspect-eval-log/2", "sha256": sha256_hex(EVAL.read_bytes())}
    assert opened["data"]["generator"] == {"name": "inspect_ai", "version": header["eval"]["packages"]["inspect_ai"]}
    assert (opened["data"]["labels"], opened["data"]["version"]) == ({"model": "mockllm/model"}, "3")
    assert opened["ts"] == header["stats"]["started_at"].replace("+00:00", ".000000Z")
    config = of_type(store, run_id, "config")[0]["value"]
    assert (config["task"], config["steps"]) == ("sums", ["system_message", "use_tools", "generate"])
    assert config["generate_config"]["temperature"] == 0.5
    tokens = of_type(store, run_id, "metric")[0]["values"]
    assert tokens["tokens.input"] == header["stats"]["model_usage"]["mockllm/model"]["input_tokens"]
    assert store.verify(run_id)


def test_scores_have_their_samples(store: Store) -> None:
    """A score for each metric, with the values of the samples; grades and truth are numbers."""
    run_id, _, _ = import_log(EVAL, store)
    scores = {data["name"]: data for data in of_type(store, run_id, "score")}
    assert list(scores) == ["includes/accuracy", "includes/stderr", "length/mean", "polite/mean"]
    accuracy = scores["includes/accuracy"]
    assert accuracy["samples"] == [{"id": "2", "epoch": 1, "value": 0}, {"id": "half", "epoch": 1, "value": 1}]
    assert (accuracy["value"], accuracy["direction"], accuracy["interval"]["high"]) == (0.5, "higher", 1)
    assert "samples" not in scores["includes/stderr"]
    assert [sample["value"] for sample in scores["polite/mean"]["samples"]] == [0, 1]


def test_epochs_are_tries_of_one_sample(store: Store) -> None:
    """As Inspect reduces them: the mean of the log is that of the samples, so it has an interval."""
    run_id, _, _ = import_log(JSON, store)
    score = next(data for data in of_type(store, run_id, "score") if data["name"] == "length/mean")
    assert sorted({sample["epoch"] for sample in score["samples"]}) == [1, 2]
    assert score["interval"] is not None


def test_calls_of_models_and_tools(store: Store) -> None:
    """In the order of time, each with its sample and with what it came to; ids are counted."""
    run_id, _, _ = import_log(EVAL, store)
    called = of_type(store, run_id, "model.called") + of_type(store, run_id, "tool.called")
    assert sorted(data["call"] for data in called) == [f"call-{number}" for number in range(1, 5)]
    first, *_, last = sorted(called, key=lambda data: data["call"])
    assert (first["sample"], last["sample"]) == ({"id": "half", "epoch": 1}, {"id": "2", "epoch": 1})
    (tool,), (answer,) = of_type(store, run_id, "tool.called"), of_type(store, run_id, "tool.returned")
    assert (tool["name"], tool["args"], tool["ref"]) == ("divide", {"left": 1, "right": 2}, "call_1")
    assert (answer["call"], answer["status"], answer["result"], answer["error"]) == (tool["call"], "ok", "0.5", None)
    model = of_type(store, run_id, "model.returned")
    assert [data["finish_reason"] for data in model] == ["tool_calls", "stop", "stop"]
    assert all(data["duration_ns"] > 0 and data["usage"]["input_tokens"] > 0 for data in model)


def test_prompts_are_sizes_and_digests(store: Store) -> None:
    """Pools and attachments are put back first; ids of messages are no part of a prompt. No text stands anywhere."""
    run_id, _, _ = import_log(EVAL, store)
    sample = json.loads(parts()["samples/2_epoch_1.json"])
    messages = []
    for message in sample["events_data"]["messages"]:
        content = message["content"]
        whole = sample["attachments"].get(content.removeprefix("attachment://"), content)
        messages.append({**{key: value for key, value in message.items() if key != "id"}, "content": whole})
    body = canonical_bytes(messages)
    *_, first = of_type(store, run_id, "model.called")
    assert first["prompt"] == {"bytes": len(body), "sha256": sha256_hex(body), "messages": 3}
    answer = sample["output"]["choices"][0]["message"]["content"].encode()
    output = of_type(store, run_id, "model.returned")[-1]["output"]
    assert (output["bytes"], output["sha256"]) == (len(answer), sha256_hex(answer))
    for file in Path(store.url, run_id).rglob("*"):
        text = file.read_text() if file.is_file() else ""
        assert [prompt for prompt in PROMPTS if prompt in text] == []


def test_errors_of_samples_and_tools(store: Store) -> None:
    """A sample that failed says so, and so does the tool that made it fail; the eval itself came to its end."""
    run_id, _, _ = import_log(JSON, store)
    failed = [data for data in of_type(store, run_id, "x.inspect.sample") if data["status"] == "error"]
    assert [(data["id"], data["epoch"]) for data in failed] == [("zero", 1)]
    assert [data["status"] for data in of_type(store, run_id, "tool.returned")] == ["error"]
    assert [data["text"] for data in of_type(store, run_id, "log")] == [
        "sample zero (epoch 1): ZeroDivisionError('division by zero')"
    ]
    assert store.get(run_id).status == "success"


def test_the_same_log_has_the_same_digest(store: Store, tmp_path: Path) -> None:
    """Under another name, in another store; and importing it again changes nothing."""
    other = tmp_path / "renamed.eval"
    other.write_bytes(EVAL.read_bytes())
    run_id, digest, _ = import_log(EVAL, store)
    assert import_log(other, store) == (run_id, digest, "identical")
    assert import_log(other, runstone.open(tmp_path / "else"))[:2] == (run_id, digest)


def test_an_edited_log_is_another_run(store: Store, tmp_path: Path) -> None:
    """Of the same id: it is refused, and the first stays."""
    import_log(JSON, store)
    edited = changed(tmp_path / "edited.json", lambda log: log["results"]["scores"].pop())
    with pytest.raises(runstone.Conflict) as caught:
        import_log(edited, store)
    assert caught.value.code == "run_exists"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_other_compressions(store: Store, tmp_path: Path, method: int) -> None:
    """Logs of older versions say the same."""
    run_id, _, _ = import_log(zipped(tmp_path / "old.eval", parts(), method), store)
    other = runstone.open(tmp_path / "else")
    import_log(EVAL, other)
    told, expected = ([event["data"] for event in one.get(run_id).events("score")] for one in (store, other))
    assert told == expected


def test_the_order_of_samples_is_not_that_of_the_archive(store: Store, tmp_path: Path) -> None:
    """What happened is in the order of time, samples of a score in the order of their ids."""
    turned = zipped(tmp_path / "turned.eval", dict(reversed(parts().items())))
    run_id, _, _ = import_log(turned, store)
    other = runstone.open(tmp_path / "else")
    import_log(EVAL, other)
    told, expected = (list(one.get(run_id).events("x.inspect.sample", *CALLS, "score")) for one in (store, other))
    assert [{**event, "seq": 0} for event in told] == [{**event, "seq": 0} for event in expected]
    assert [event["data"]["id"] for event in told if event["type"] == "x.inspect.sample"] == ["half", "2"]


def moment(text: str) -> str:
    """A time of a log as the format has it."""
    return text.removesuffix("+00:00") + "Z"


def test_times_are_those_of_the_log(store: Store) -> None:
    """A call at its beginning, its answer at its end, a sample at its end, scores at the end; none before another."""
    run_id, _, _ = import_log(JSON, store)
    log = json.loads(JSON.read_bytes())
    told: list[tuple[str, str]] = []
    for sample in log["samples"]:
        told.append((moment(sample["completed_at"]), "x.inspect.sample"))
        for event in sample["events"]:
            if event["event"] in ("model", "tool"):
                told.append((moment(event["timestamp"]), f"{event['event']}.called"))
                told.append((moment(event["completed"]), f"{event['event']}.returned"))
    events = list(store.get(run_id).events())
    assert [(e["ts"], e["type"]) for e in events if e["type"] in (*CALLS, "x.inspect.sample")] == sorted(told)
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)
    opened, closed = events[0], events[-1]
    assert closed["ts"] == max(told)[0] > moment(log["stats"]["completed_at"])[:19], "it tells whole seconds"
    took = closed["data"]["duration_ns"]
    assert took == parse_time(closed["ts"]) - parse_time(opened["ts"])
    assert {e["ts"] for e in events if e["type"] in ("score", "metric")} == {closed["ts"]}


def test_samples_that_went_on_together_stand_in_one_order(store: Store, tmp_path: Path) -> None:
    """By time, across samples; calls are numbered as they began, and an answer stands behind its call."""

    def overlap(log: dict[str, Any]) -> None:
        for start, sample in enumerate(log["samples"]):
            for at, event in enumerate(event for event in sample["events"] if event["event"] in ("model", "tool")):
                event["timestamp"] = f"2026-11-22T02:50:{10 + 10 * at + start:02d}+00:00"
                event["completed"] = f"2026-11-22T02:50:{15 + 10 * at + start:02d}+00:00"
            sample["completed_at"] = "2026-11-22T02:51:00+00:00"

    run_id, _, _ = import_log(changed(tmp_path / "log.json", overlap), store)
    events = list(store.get(run_id).events(*CALLS))
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)
    began = [event["data"] for event in events if event["type"].endswith("called")]
    assert [data["call"] for data in began] == [f"call-{number}" for number in range(1, len(began) + 1)]
    assert len({(data["sample"]["id"], data["sample"]["epoch"]) for data in began[:4]}) == 4
    ended: set[str] = set()
    for event in reversed(events):
        call = event["data"]["call"]
        if event["type"].endswith("returned"):
            ended.add(call)
        else:
            assert call in ended


@pytest.mark.parametrize("odd", [None, "yesterday", 7, "1969-01-01T00:00:00+00:00", "2026-11-22T02:49:00+00:00"])
def test_times_that_are_none_or_too_early(store: Store, tmp_path: Path, odd: Any) -> None:
    """What an old log does not tell, or a clock that was set back, is the time of what was before."""

    def without(log: dict[str, Any]) -> None:
        for sample in log["samples"]:
            sample |= {"started_at": odd, "completed_at": odd}
            for event in sample["events"]:
                event |= {"timestamp": odd, "completed": odd}

    run_id, _, _ = import_log(changed(tmp_path / "log.json", without), store)
    *events, closed = store.get(run_id).events()
    told = {event["ts"] for event in events if event["type"] not in ("score", "metric")}
    assert told == {"2026-11-22T02:50:00.000000Z"}
    assert closed["ts"] == "2026-11-22T02:50:01.000000Z"
    assert store.verify(run_id)


def test_a_killed_eval(store: Store, tmp_path: Path) -> None:
    """Without a header there is what its journal began with: it is interrupted, and tells the samples that it has."""
    left = {name: body for name, body in parts().items() if name not in ("header.json", "summaries.json")}
    run_id, _, _ = import_log(zipped(tmp_path / "killed.eval", left), store)
    sealed = store.get(run_id)
    assert (sealed.status, len(of_type(store, run_id, "x.inspect.sample"))) == ("interrupted", 2)
    assert of_type(store, run_id, "score") == []
    assert store.verify(run_id)


@pytest.mark.parametrize(
    ("status", "expected"), [("error", "failed"), ("cancelled", "cancelled"), ("started", "interrupted")]
)
def test_how_it_ended(store: Store, tmp_path: Path, status: str, expected: str) -> None:
    """The status of the log in the words of runs, with its error."""
    failure = {"message": "TimeoutError('too late')", "traceback": "Traceback …"}
    path = changed(tmp_path / "log.json", lambda log: log.update(status=status, error=failure))
    run_id, _, _ = import_log(path, store)
    closed = store.get(run_id).journal().closed["data"]
    assert (closed["status"], closed["error"]["type"]) == (expected, "TimeoutError")


def test_a_secret_in_a_call_is_taken_out(store: Store, tmp_path: Path) -> None:
    """Of arguments, results and errors alike."""
    secret = "ghp" + "_" + checked(Random(5))

    def plant(log: dict[str, Any]) -> None:
        for sample in log["samples"]:
            for event in sample["events"]:
                if event["event"] == "tool":
                    event.update(arguments={"header": f"Bearer {secret}"}, result=secret, error={"message": secret})
            sample["error"] = {"message": f"denied: {secret}"}
        log["eval"]["task_args"] = {"api_key": secret}

    run_id, _, _ = import_log(changed(tmp_path / "log.json", plant), store)
    assert of_type(store, run_id, "tool.called")
    for file in Path(store.url, run_id).rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()


def fail(log: dict[str, Any], *path: str, value: Any) -> None:
    """Put a wrong value at a place of a log."""
    inner: Any = log
    for key in path[:-1]:
        inner = inner[int(key) if isinstance(inner, list) else key]
    inner[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("eval",), None, "$.eval"),
        (("eval", "task"), "", "$.eval.task"),
        (("eval", "created"), "yesterday", "$.eval.created"),
        (("status",), "fine", "$.status"),
        (("samples", "1", "id"), None, "$.samples[1].id"),
        (("samples", "1", "epoch"), "2", "$.samples[1].epoch"),
    ],
)
def test_what_is_no_log_is_refused(store: Store, tmp_path: Path, path: tuple[str, ...], value: Any, place: str) -> None:
    """With its place; nothing is imported."""
    wrong = changed(tmp_path / "log.json", lambda log: fail(log, *path, value=value))
    with pytest.raises(runstone.Damaged) as caught:
        import_log(wrong, store)
    assert (caught.value.code, caught.value.details["json_path"]) == ("invalid_archive", place)
    assert list(store.runs()) == []


def test_a_secret_in_an_error_is_hidden_before_it_is_cut(store: Store, tmp_path: Path) -> None:
    """Half a token is more than none."""
    token = "ghp_" + "a1B2c3D4e5F6g7H8" * 2 + "i9J0"
    wrong = changed(tmp_path / "log.json", lambda log: fail(log, "status", value=" " * 60 + token))
    with pytest.raises(runstone.Damaged) as caught:
        import_log(wrong, store)
    assert token[:12] not in f"{caught.value.message} {caught.value.details}"


@pytest.mark.parametrize(
    "value", [None, 7, "text", [], [7], {"a": 1}, [[]], [{"event": 7}], [{"event": "tool"}, {"event": "model"}]]
)
@pytest.mark.parametrize("member", ["events", "scores", "attachments", "events_data", "error", "limit", "input"])
def test_parts_of_any_shape(store: Store, tmp_path: Path, member: str, value: Any) -> None:
    """What has not the shape that Inspect gives it is not told; nothing raises."""
    path = changed(tmp_path / "log.json", lambda log: [sample.update({member: value}) for sample in log["samples"]])
    run_id, _, _ = import_log(path, store)
    assert store.verify(run_id)


@pytest.mark.parametrize("value", [None, 7, [], {"scores": 7}, {"scores": [7, {"name": "x", "metrics": {"m": 1}}]}])
@pytest.mark.parametrize("member", ["results", "stats", "plan", "tags"])
def test_headers_of_any_shape(store: Store, tmp_path: Path, member: str, value: Any) -> None:
    """The same of the log's own parts."""
    run_id, _, _ = import_log(changed(tmp_path / "log.json", lambda log: log.update({member: value})), store)
    assert store.verify(run_id)


@pytest.mark.parametrize("body", [b"", b"{", b"no archive", b"PK\x03\x04torn", b"[" * 100_000])
@pytest.mark.parametrize("suffix", ["eval", "json"])
def test_torn_files(store: Store, tmp_path: Path, body: bytes, suffix: str) -> None:
    """Are refused with a code, by their names."""
    path = tmp_path / f"torn.{suffix}"
    path.write_bytes(body)
    with pytest.raises(runstone.RunstoneError) as caught:
        import_log(path, store)
    assert caught.value.code in ("invalid_archive", "too_deep")
    assert path.name in caught.value.message


def test_a_flipped_byte_is_found(store: Store, tmp_path: Path) -> None:
    """Of what is compressed, by its frame or by what it says; never a crash."""
    body, random = EVAL.read_bytes(), Random(3)
    path = tmp_path / "flipped.eval"
    for _ in range(150):
        at = random.randrange(len(body))
        path.write_bytes(body[:at] + bytes([body[at] ^ 1 << random.randrange(8)]) + body[at + 1 :])
        try:
            import_log(path, runstone.open("memory:"))
        except runstone.RunstoneError as exc:
            assert exc.code in ("invalid_archive", "too_large", "too_deep", "file_not_found")


def test_what_is_deeper_than_a_bundle_can_be(store: Store, tmp_path: Path) -> None:
    """Is refused with its place."""
    deep: Any = 1
    for _ in range(200):
        deep = [deep]

    def plant(log: dict[str, Any]) -> None:
        log["samples"][0]["events"] = [{"event": "tool", "function": "f", "arguments": {"a": deep}}]

    with pytest.raises(runstone.InvalidInput) as caught:
        import_log(changed(tmp_path / "log.json", plant), store)
    assert caught.value.code == "too_deep"
    assert list(store.runs()) == []


def test_a_member_that_stands_twice_is_refused(store: Store, tmp_path: Path) -> None:
    """Which of both would count, nobody knows."""
    path = tmp_path / "log.json"
    path.write_bytes(JSON.read_bytes().replace(b'"status": "success"', b'"status": "error", "status": "success"', 1))
    with pytest.raises(runstone.Damaged) as caught:
        import_log(path, store)
    assert "'status' stands twice" in caught.value.message
    members = ",".join(f'"k{number}":0' for number in range(100_000))  # which is told at once
    path.write_text(f'{{{members},"z":0,"z":1}}')
    with pytest.raises(runstone.Damaged):
        read_log(str(path))


def test_a_short_log_does_not_grow_without_end(store: Store, tmp_path: Path) -> None:
    """A long text that is referred to again and again is put back up to a limit."""

    def plant(log: dict[str, Any]) -> None:
        messages = [{"role": "user", "content": "attachment://a"}] * 700
        event = {"event": "model", "timestamp": log["eval"]["created"], "model": "m", "input": messages}
        log["samples"][0].update(attachments={"a": "x" * 100_000}, events=[event])

    with pytest.raises(runstone.InvalidInput) as caught:
        import_log(changed(tmp_path / "log.json", plant), store)
    assert caught.value.code == "too_large"
    assert "(epoch 1)" in caught.value.message
    assert list(store.runs()) == []


def test_a_model_whose_name_is_no_text_is_no_label(store: Store, tmp_path: Path) -> None:
    """Half of a surrogate pair: the configuration has it, coerced."""
    run_id, _, _ = import_log(changed(tmp_path / "log.json", lambda log: log["eval"].update(model="a\ud800")), store)
    assert store.get(run_id).labels == {}
    assert store.verify(run_id)


def test_a_time_beyond_all_others_is_no_duration(store: Store, tmp_path: Path) -> None:
    """Of a clock that was never set."""
    odd = {"started_at": "1970-01-02T00:00:00+00:00", "completed_at": "9999-12-31T23:59:59+00:00"}
    run_id, _, _ = import_log(changed(tmp_path / "log.json", lambda log: log["stats"].update(odd)), store)
    assert of_type(store, run_id, "run.closed")[0]["duration_ns"] is None


def test_without_the_library(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(runstone.MissingExtra, match=r"runstone\[inspect\]") as caught:
        import_log(EVAL, store)
    details = {name: caught.value.details[name] for name in ("extra", "package")}
    assert details == {"extra": "inspect", "package": "zstandard"}
    assert caught.value.details["member"]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *[("C", 1), ("P", 0.5), ("I", 0), ("N", 0), (True, 1), ("yes", 1), ("0.25", 0.25), ("maybe", None)],
        *[(float("nan"), None), ("nan", None), (None, None), ({"a": 1}, None), (10**400, None)],
    ],
)
def test_grades(value: Any, number: float | None) -> None:
    """As Inspect's own metrics see them; what is no number is none."""
    assert number_of(value) == number


@pytest.mark.parametrize("path", [EVAL, JSON])
def test_the_command(tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Knows a log by its ending or by how it begins."""
    assert is_log(str(path))
    assert main(["import", str(path), "--store", str(tmp_path / "runs"), "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert found["result"] == "created"
    assert runstone.open(tmp_path / "runs").get(found["run_id"]).digest == found["digest"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda log: log["eval"].pop("task"), "$.eval.task: expected text"),
        (lambda log: log.pop("eval"), "$.eval: expected an object"),
        (lambda log: log.update(eval=7), "$.eval: expected an object"),
        (lambda log: log.pop("status"), "$.status: expected"),
    ],
)
def test_the_command_says_what_a_log_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, place: str
) -> None:
    """A log in JSON is known for one by what it has, and is not taken for the run of another program."""
    path = changed(tmp_path / "log.json", change)
    assert main(["import", str(path), "--store", str(tmp_path / "runs"), "--json"]) != 0
    found = json.loads(capsys.readouterr().out)
    assert found["code"] == "invalid_archive"
    assert found["message"].startswith(f"log.json: {place}")


def test_a_log_is_known_in_any_order_of_its_members(store: Store, tmp_path: Path) -> None:
    """Sorted by names, behind many others."""

    def sort(log: dict[str, Any]) -> None:
        log["eval"] = {"metadata": "x" * 9000, **dict(sorted(log["eval"].items()))}
        members = dict(sorted(log.items()))
        log.clear()
        log.update(members)

    path = changed(tmp_path / "log.json", sort)
    assert is_log(str(path))
    assert import_log(path, store)[2] == "created"


@pytest.mark.parametrize(
    "value", [{"run_id": "7", "eval": {}}, {"eval": {"run_id": "eval"}}, {"a": {"run_id": "a"}}, [], 7, {}, "eval"]
)
def test_what_is_of_another_program_is_no_log(tmp_path: Path, value: Any) -> None:
    """Runs of RMOS, by their ids; any other JSON; what is none."""
    path = tmp_path / "other.json"
    path.write_text(json.dumps(value))
    assert not is_log(str(path))
    path.write_text(json.dumps(value)[:-1])
    assert not is_log(str(path))


def test_two_evals_are_judged(store: Store, tmp_path: Path) -> None:
    """The gate of a release over logs of Inspect: a sample that got worse is named."""

    def worse(log: dict[str, Any]) -> None:
        log["eval"]["eval_id"] = "other"
        log["results"]["scores"][0]["metrics"]["accuracy"]["value"] = 0.5
        for sample in log["samples"]:
            if sample["id"] == "zero" and sample["scores"]:
                sample["scores"]["includes"]["value"] = "I"

    base, _, _ = import_log(JSON, store)
    run_id, _, _ = import_log(changed(tmp_path / "log.json", worse), store)
    verdict = store.judge(run_id, baseline=base, limits=["max worse.includes/accuracy:0"])
    assert [(rule["status"], rule["measured"]) for rule in verdict.rules] == [("fail", 1)]
    differing = [item for item in store.compare(base, run_id).differences if item.section == "samples"]
    assert [(item.place, item.a, item.b, item.note) for item in differing] == [("zero", 1, 0, "worse")]
