"""`Run.output` of an object with a file's name: real libraries write it, the bundle keeps it, secrets stay out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from core.planted import LETTERS, drawn
from matplotlib.figure import Figure
from PIL import Image

from runstone.core.digests import sha256_hex
from runstone.engine.store import Store
from runstone.errors import RunstoneError

from .scenes import of_type, tree

SECRET = drawn(Random(11), LETTERS, 24)


def written(store: Store, name: str, value: Any, **facts: Any) -> tuple[dict[str, Any], bytes]:
    """The output event of an object, and the bytes that are kept of it."""
    with store.run("job", secrets=[SECRET]) as run:
        run.output(name, value, **facts)
    report = store.verify(run.run_id)
    assert report.ok, report.findings
    (event,) = of_type(store, run.run_id, "output")
    data = store.get(run.run_id).file(event["path"]) if event["path"] else b""
    return event, data


def figure() -> Figure:
    """A drawing."""
    drawing = Figure(figsize=(2, 1))
    drawing.subplots().plot([1, 3, 2])
    return drawing


FRAME = {"day": ["a", "b"], "close": [1.5, 2.0]}


@pytest.mark.parametrize(
    ("name", "begins", "media"),
    [
        ("plot.png", b"\x89PNG", "image/png"),
        ("plot.svg", b"<?xml", "image/svg+xml"),
        ("p.pdf", b"%PDF", "application/pdf"),
    ],
)
def test_a_figure_is_drawn_the_same_each_time(store: Store, name: str, begins: bytes, media: str) -> None:
    """Kept under its name, with its digest; two drawings of the same thing have the same bytes."""
    event, data = written(store, name, figure())
    assert (event["type"], event["ref"], event["name"], event["path"]) == ("file", None, name, f"artifacts/{name}")
    assert (event["sha256"], event["size"], event["media_type"]) == (sha256_hex(data), len(data), media)
    assert data.startswith(begins)
    assert written(store, name, figure())[1] == data
    assert mpl.rcParams["svg.hashsalt"] is None


def test_what_is_drawn_on_a_figure_stands_for_it(store: Store) -> None:
    """Axes, as pandas answers them when it plots."""
    axes = figure().axes[0]
    assert written(store, "plot.png", axes)[1] == written(store, "plot.png", figure())[1]


@pytest.mark.parametrize(("name", "form"), [("a.png", "PNG"), ("b.jpg", "JPEG"), ("c.tif", "TIFF"), ("d.webp", "WEBP")])
def test_an_image_is_saved_by_its_extension(store: Store, name: str, form: str) -> None:
    """Pillow reads it back in the form that the name asks for."""
    image = Image.new("RGB", (4, 3), (10, 20, 30))
    found = Image.open(io.BytesIO(written(store, name, image)[1]))
    assert (found.format, found.size) == (form, (4, 3))


TABLES = {
    "t.csv": ({pd.DataFrame: b",day,close\n0,a,1.5\n1,b,2.0\n", pl.DataFrame: b"day,close\na,1.5\nb,2.0\n"}),
    "t.tsv": ({pd.DataFrame: b"\tday\tclose\n0\ta\t1.5\n1\tb\t2.0\n", pl.DataFrame: b"day\tclose\na\t1.5\nb\t2.0\n"}),
}


@pytest.mark.parametrize("frame_of", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_text(store: Store, name: str, frame_of: Any) -> None:
    """As its library writes it, with LF line ends everywhere."""
    assert written(store, name, frame_of(FRAME))[1] == TABLES[name][frame_of]


@pytest.mark.parametrize("frame_of", [pd.DataFrame, pl.DataFrame])
def test_a_table_is_json(store: Store, frame_of: Any) -> None:
    """A list of rows; of `jsonl` a line each."""
    rows = [{"day": "a", "close": 1.5}, {"day": "b", "close": 2.0}]
    assert json.loads(written(store, "t.json", frame_of(FRAME))[1]) == rows
    lines = written(store, "t.jsonl", frame_of(FRAME))[1].splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_a_table_is_parquet(store: Store) -> None:
    """Polars reads it back."""
    frame = pl.DataFrame(FRAME)
    assert pl.read_parquet(io.BytesIO(written(store, "t.parquet", frame)[1])).equals(frame)


@pytest.mark.parametrize(
    ("column", "text"), [(pd.Series([1, 2], name="n"), b",n\n0,1\n1,2\n"), (pl.Series("n", [1, 2]), b"n\n1\n2\n")]
)
def test_a_column_is_a_table(store: Store, column: Any, text: bytes) -> None:
    """A series of either library."""
    assert written(store, "c.csv", column)[1] == text


def test_an_array_comes_back(store: Store) -> None:
    """As `npy`, `npz`, text, and JSON."""
    array = np.array([[1.5, 0.1], [3.0, -2.0]])
    assert (np.load(io.BytesIO(written(store, "a.npy", array)[1])) == array).all()
    assert (np.load(io.BytesIO(written(store, "a.npz", array)[1]))["arr_0"] == array).all()
    assert (np.loadtxt(io.BytesIO(written(store, "a.csv", array)[1]), delimiter=",") == array).all()
    assert json.loads(written(store, "a.json", array)[1]) == [[1.5, 0.1], [3.0, -2.0]]
    assert written(store, "a.npz", array)[1] == written(store, "a.npz", array)[1]


def test_plain_values_are_json(store: Store) -> None:
    """Mappings and lists by the rules of recorded values; bytes as they are, whatever they are called."""
    value = {"b": [1, 2.5, None], "a": {"when": (1, 2), "raw": b"\xff"}}
    assert json.loads(written(store, "v.json", value)[1]) == {
        "a": {"raw": {"$bytes": "/w=="}, "when": [1, 2]},
        "b": [1, 2.5, None],
    }
    assert written(store, "v.jsonl", [{"b": 1, "a": 2}, 3])[1] == b'{"a":2,"b":1}\n3\n'
    assert written(store, "notes/v.txt", b"text\n")[1] == b"text\n"


# what is not written, and what is no object


class Unknown:
    """Nobody knows how to write it."""


class Broken:
    """Its own method fails, and says a secret."""

    def savefig(self, file: Any, **options: Any) -> None:
        raise ZeroDivisionError(SECRET)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("a.png", Unknown(), "unknown_object"),
        ("a.xyz", {"a": 1}, "unknown_extension"),
        ("a.xyz", pl.DataFrame(FRAME), "unknown_extension"),
        ("a.docx", pd.DataFrame(FRAME), "unknown_extension"),
        ("a.xyz", Figure(), "ValueError"),
        ("a.png", Broken(), "ZeroDivisionError"),
        ("a.jpg", Image.new("RGBA", (1, 1)), "OSError"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_written_is_told(store: Store, name: str, value: Any, reason: str) -> None:
    """By reference, with the reason; the run goes on. With `strict` it raises."""
    event, _ = written(store, name, value)
    assert (event["name"], event["sha256"], event["path"]) == (name, None, None)
    assert event["problem"] == f"not_written:{reason}"
    with store.run("job", strict=True) as run:
        with pytest.raises(RunstoneError) as caught:
            run.output(name, value)
        assert caught.value.code == "not_written"


@pytest.mark.parametrize(
    ("type", "ref"), [("plot.png", "s3://bucket/plot.png"), ("plot.png", None), ("table.x", 7), ("rows", {"a": 1})]
)
def test_text_numbers_and_plain_types_stay_references(store: Store, type: str, ref: Any) -> None:
    """Only an object together with a file's name is written."""
    event, _ = written(store, type, ref)
    assert (event["type"], event["ref"], event["path"]) == (type, None if ref is None else str(ref), None)


def test_a_path_is_a_reference(store: Store, tmp_path: Path) -> None:
    """Also beside a type that looks like a name."""
    assert written(store, "plot.png", tmp_path / "x.png")[0]["ref"] == str(tmp_path / "x.png")


def test_an_object_that_fails_at_whatever_it_is_asked_is_told(store: Store) -> None:
    """Beside a file's name, and beside a type: the work goes on."""

    class Unreadable:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    assert written(store, "plot.png", Unreadable())[0]["problem"].startswith("not_written:")
    assert written(store, "rows", Unreadable())[0]["type"] == "rows"


def test_an_input_is_written_as_well(store: Store) -> None:
    """`Run.input` takes the same."""
    with store.run("job", run_id="r") as run:
        run.input("train.csv", pl.DataFrame(FRAME), name="data/train.csv", extra={"rows": 2})
    (event,) = of_type(store, "r", "input")
    assert (event["path"], event["extra"]) == ("artifacts/data/train.csv", {"rows": 2})


def test_keep_says_whether_and_how(store: Store) -> None:
    """`False`: the digest alone; a name that is taken gets a number; a name that leads elsewhere leads nowhere."""
    event, _ = written(store, "a.txt", b"x", keep=False)
    assert (event["sha256"], event["size"], event["path"]) == (sha256_hex(b"x"), 1, None)
    with store.run("job", run_id="r") as run:
        for name in ("a.txt", "a.txt", "/etc/a.txt", "../a.txt"):
            run.output(name, b"x")
    paths = [event["path"] for event in of_type(store, "r", "output")]
    assert paths == ["artifacts/a.txt", "artifacts/a-2.txt", "artifacts/etc/a.txt", "artifacts/file"]


# secrets


def test_an_object_with_a_secret_is_not_kept(store: Store) -> None:
    """In a table, in JSON, in the text of a drawing; the digest of what it was is told."""
    drawing = figure()
    drawing.text(0, 0, SECRET)
    with mpl.rc_context({"svg.fonttype": "none"}):
        for name, value in (
            ("t.csv", pd.DataFrame({"key": [SECRET]})),
            ("t.json", {"deep": [SECRET]}),
            ("t.svg", drawing),
            ("t.txt", SECRET.encode()),
        ):
            event, _ = written(store, name, value)
            assert (event["problem"], event["path"]) == ("not_kept:redacted:declared", None)
            assert event["sha256"] is not None
    assert all(SECRET.encode() not in (data or b"") for data in tree(Path(store.url)).values() if data)


def test_a_redacted_copy_can_be_kept(store: Store) -> None:
    """`keep="redacted"`, and `keep="anyway"`, as of any file."""
    with store.run("job", run_id="r", secrets=[SECRET]) as run:
        run.output("t.csv", pl.DataFrame({"key": [SECRET]}), keep="redacted")
        run.output("u.csv", pl.DataFrame({"key": [SECRET]}), keep="anyway", asked_by="somebody")
    sealed = store.get("r")
    assert sealed.file("artifacts/t.redacted.csv") == b"key\n[REDACTED:declared]\n"
    assert sealed.file("artifacts/u.csv") == f"key\n{SECRET}\n".encode()


def test_nothing_is_written_beside_the_store(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No temporary file of the system, and none in the working directory."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(folder)
    for name, value in (
        ("a.png", figure()),
        ("b.parquet", pl.DataFrame({"key": [SECRET]})),
        ("c.npz", np.ones(3)),
        ("d.csv", pd.DataFrame({"key": [SECRET]})),
        ("e.png", Image.new("L", (1, 1))),
    ):
        written(store, name, value)
    assert os.listdir(folder) == []


def test_no_library_is_imported_for_it(tmp_path: Path) -> None:
    """An object that nobody knows, and one of plain values: none of the libraries is loaded."""
    program = (
        "import sys, runstone\n"
        "with runstone.open(sys.argv[1]).run('job') as run:\n"
        "    run.output('a.json', {'a': 1})\n    run.output('a.png', object())\n"
        "print(sorted({'numpy', 'pandas', 'polars', 'matplotlib', 'PIL'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# metrics


class Tensor:
    """As a framework's: a number comes out by `item`, and `float` of it may not."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def item(self) -> float:
        if len(self.values) != 1:
            raise ValueError("not one number")
        return self.values[0]


def test_metrics_take_the_numbers_of_libraries(store: Store) -> None:
    """Scalars and arrays of one number; what is no number is `NaN`."""
    with store.run("job", run_id="r") as run:
        run.metrics(
            {
                "float64": np.float64(0.5),
                "float32": np.float32(0.25),
                "int64": np.int64(3),
                "zero_d": np.array(1.5),
                "one": np.array([2.5]),
                "mean": pd.Series([1, 2]).mean(),
                "polars": pl.Series([1, 2]).mean(),
                "tensor": Tensor(4.5),
                "tensors": Tensor(1.0, 2.0),
                "inf": np.float64("inf"),
                "missing": pd.NA,
            },
            step=np.int64(7),
        )
    (event,) = of_type(store, "r", "metric")
    assert event == {
        "step": 7,
        "values": {
            "float64": 0.5, "float32": 0.25, "int64": 3, "zero_d": 1.5, "one": 2.5, "mean": 1.5, "polars": 1.5,
            "tensor": 4.5, "tensors": "NaN", "inf": "Infinity", "missing": "NaN",
        },
    }  # fmt: skip
