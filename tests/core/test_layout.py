"""Paths inside a bundle: nothing leaves it, nothing collides in it, on any file system (threats 1 and 8)."""

from __future__ import annotations

import posixpath
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core import layout
from runstone.core.ids import is_run_id
from runstone.errors import RunstoneError

GOOD = [
    "a", "a/b/c", "artifacts/x.csv", "run.json", "eval/gate.json", ".hidden", "..a", "a..b", "é", "日本/ファイル",
    "a b",
    "-a", "~", "con2", "console", "x" * 255, "/".join(["d" * 255] * 4)[:1024], "a" + "/a" * 500, "com", "%00", "a'b",
    "$x", "{}",
]  # fmt: skip

HOSTILE = [
    # leaves the bundle
    "", "/", "/etc/passwd", "//x", "..", ".", "../x", "a/../b", "a/..", "./a", "a/./b", "a/", "a//b", "\\", "..\\x",
    "a\\b",
    "C:\\x", "C:x", "c:", "file:stream", "\\\\server\\share", "~/../x",
    # what a C function cuts, a terminal obeys, a line ends with
    "a\0b", "\0", "a\nb", "a\rb", "a\x1bb", "a\x7f", "\t",
    # what Windows cannot hold or changes
    "CON", "con", "nul.txt", "dir/AUX", "com1", "COM9.log", "lpt¹", "lpt3.x/y", "conin$", "CONOUT$", "prn .txt", "nul ",
    "a.", "a ", "dir./x", "dir /x", "...", "a<b", "a>b", 'a"b', "a|b", "a?b", "a*b",
    # what a file system spells anew
    "e\u0301", "dir/A\u030a", "\u212b", "\u1100\u1161", "\u0344",
    # too long
    "x" * 256, "é" * 128, "/".join(["d" * 200] * 6), "a/" * 512 + "a",
    # no text
    "\ud800", "a/\udcff",
]  # fmt: skip


@pytest.mark.parametrize("path", GOOD, ids=lambda path: ascii(path[:20]))
def test_good_paths(path: str) -> None:
    """What can stand in a bundle is left as it is."""
    assert layout.check_path(path) == path


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: ascii(path[:20]))
def test_hostile_paths(path: str) -> None:
    """Traversal, devices, control characters, other spellings, lengths: `invalid_path` that names the path."""
    with pytest.raises(RunstoneError) as caught:
        layout.check_path(path)
    assert caught.value.code == "invalid_path"
    assert caught.value.details["path"] == path[:1024]


@given(st.text(st.sampled_from("a./\\:C\0 \n~é\u0301"), max_size=12) | st.text(max_size=20))
def test_an_accepted_path_stays_inside(path: str) -> None:
    """Whatever is accepted is relative, normal, in form C, and joins below its folder."""
    if layout.path_problem(path) is not None:
        return
    assert not posixpath.isabs(path)
    assert posixpath.normpath(path) == path
    assert posixpath.normpath(posixpath.join("/bundle", path)) == f"/bundle/{path}"
    assert unicodedata.normalize("NFC", path) == path
    assert not set(path) & set("\\:\0\n")
    assert all(part and part not in (".", "..") and not part.endswith((".", " ")) for part in path.split("/"))


def collision(*paths: str) -> list[str]:
    with pytest.raises(RunstoneError) as caught:
        layout.check_distinct(paths)
    assert caught.value.code == "path_collision"
    found: list[str] = caught.value.details["paths"]
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "a"), ("a", "A"), ("README", "readme"), ("é", "É"), ("\u00e9", "e\u0301"), ("STRASSE", "straße"),
        ("ﬁ", "fi"),
        ("dir/a", "dir/A"), ("σ", "ς"), ("K", "\u212a"), ("\u03b0", "\u03c5\u0308\u0301"),
    ],
    ids=ascii,
)  # fmt: skip
def test_names_that_are_the_same_somewhere(one: str, other: str) -> None:
    """Case, Unicode form and case folding make two names one on some file system; both are named."""
    assert collision(one, other) == [other, one]
    assert collision("other", one, "more", other) == [other, one]


@pytest.mark.parametrize(
    "paths",
    [("A/x", "a/y"), ("dir/a/1", "DIR/b/2"), ("a", "A/x"), ("A/x", "a"), ("a/b", "a"), ("a", "a/b/c"), ("é/x", "É/y")],
)
def test_folders_collide_too(paths: tuple[str, str]) -> None:
    """Two spellings of one folder, and a file where another path needs a folder."""
    collision(*paths)


@pytest.mark.parametrize(
    "paths", [(), ("a",), ("a", "b"), ("a/x", "a/y", "a/b/x"), ("ab", "a/b"), ("é", "e"), ("a.b", "a/b")]
)
def test_distinct_paths_pass(paths: tuple[str, ...]) -> None:
    """Files of one folder, a prefix that is no folder, accents that differ."""
    layout.check_distinct(paths)


@given(st.text(max_size=8), st.sampled_from(["NFC", "NFD"]))
def test_the_folded_form_forgets_the_unicode_form(text: str, form: str) -> None:
    """Composed or decomposed, upper or lower: the same folded form."""
    assert layout.fold_path(unicodedata.normalize(form, text)) == layout.fold_path(text)
    assert layout.fold_path(text.casefold()) == layout.fold_path(text)


@given(st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True).filter(is_run_id))
def test_every_place_of_a_run_can_be_told_from_a_bundle(run_id: str) -> None:
    """What belongs to the store stands below a name that no run can have."""
    for place in (
        layout.open_run(run_id),
        layout.lease(run_id),
        layout.unkept(run_id),
        layout.STORE_FILE,
        layout.TEMPORARY,
        layout.OPEN,
        layout.LEASES,
        layout.UNKEPT,
    ):
        assert place.split("/")[0] == layout.PRIVATE
    assert not is_run_id(layout.PRIVATE)
    assert not is_run_id(layout.GIT_ATTRIBUTES)
    assert layout.lease(run_id) == layout.lease(run_id.upper()) == layout.lease(run_id.lower())


def test_the_paths_of_a_bundle() -> None:
    """The names of the format page."""
    assert (layout.MANIFEST, layout.JOURNAL) == ("manifest.json", "events.jsonl")
    assert layout.artifact("out/x.csv") == "artifacts/out/x.csv"
    assert layout.original("run.json") == "artifacts/original/run.json"
    assert layout.open_run("R1") == ".runstone/open/R1"
    assert layout.lease("R1") == ".runstone/lease/r1"
    assert layout.unkept("R1") == ".runstone/unkept/R1"
