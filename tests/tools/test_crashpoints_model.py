"""The parts of the crash-state tool that need no tracing: log, tree, durability, choice of states."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from crashpoints.arguments import descriptor, pointed_integer, split_arguments, string_bytes, vector_bytes
from crashpoints.candidates import Families, spread
from crashpoints.disk import copy_directory, read_tree, remove_directory, write_tree
from crashpoints.durability import Model, durable_since
from crashpoints.effects import Effect, Entry, Names, Op, Output, Resize, Sync, Write, damaged
from crashpoints.errors import ToolError
from crashpoints.paths import Locator, Slot
from crashpoints.recording import Recording
from crashpoints.states import History, State
from crashpoints.trace import parse_trace
from crashpoints.tree import ROOT, Kind, Tree

FOLDER, FILE = 1, 2
MAKE_FOLDER = Names((Entry(ROOT, "folder", FOLDER),))
MAKE_FILE = Names((Entry(FOLDER, "file", FILE),))
WRITE_FILE = Write(FILE, 0, b"content")


def rename(old: tuple[int, str], new: tuple[int, str], inode: int) -> Names:
    """The effect of a rename."""
    return Names((Entry(*old, None), Entry(*new, inode)))


def sequence(*effects: Effect) -> list[Op]:
    """Ops one after the other, each on a line of the trace of its own."""
    return [Op(i, f"op {i}", start=i, end=i, effect=effect) for i, effect in enumerate(effects)]


def history(*effects: Effect, model: Model = Model.STRICT) -> History:
    """A history that starts with an empty directory, an unnamed folder and an unnamed file."""
    base = Tree()
    base.add_directory(FOLDER)
    base.add_file(FILE)
    return History(Recording(base, base, sequence(*effects), ()), model)


def paths(tree: Tree) -> dict[str, bytes]:
    """Every path of a tree with its content."""
    return {path: listed.body for path, listed in tree.listing().items()}


def hexadecimal(text: str) -> str:
    """Text as strace -xx prints it."""
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


# The trace


def test_call_split_by_another_thread_is_joined() -> None:
    """The two halves of an unfinished call are one call that took effect at its second half."""
    log = ["7 fsync(3 <unfinished ...>", "8 unlink() = 0", "7 <... fsync resumed>) = 0"]
    assert [(c.pid, c.name, c.args, c.start, c.end) for c in parse_trace(log)] == [
        (8, "unlink", [], 1, 1), (7, "fsync", ["3"], 0, 2),
    ]  # fmt: skip


def test_failed_and_unfinished_calls_are_left_out() -> None:
    """What did not return with success changed nothing."""
    log = ["7 rmdir() = -1 ENOTEMPTY (Directory not empty)", "7 fsync(3) = ?", "7 +++ killed by SIGKILL +++"]
    assert parse_trace(log) == []


def test_close_takes_effect_when_it_begins() -> None:
    """Another thread can get the number of a descriptor before the close that freed it returns."""
    log = ["7 close(3 <unfinished ...>", "8 dup(1) = 3", "7 <... close resumed>) = 0"]
    assert [call.name for call in parse_trace(log)] == ["close", "dup"]


def test_octal_result_is_read() -> None:
    """umask answers in octal."""
    assert [call.ret for call in parse_trace(["7 umask(077) = 022"])] == [0o22]


def test_arguments_are_split_outside_brackets_only() -> None:
    """Structures, path notes and arrows are no place to split."""
    text = '3</a>, [{iov_base="\\x2c", iov_len=1}], [0] => [5], O_RDONLY|O_CLOEXEC'
    assert split_arguments(text) == [
        "3</a>", '[{iov_base="\\x2c", iov_len=1}]', "[0] => [5]", "O_RDONLY|O_CLOEXEC",
    ]  # fmt: skip


def test_pointed_integer_is_the_one_before_the_call() -> None:
    """The kernel moves the offset behind a pointer; the copy began where it was."""
    assert [pointed_integer(text) for text in ("[8] => [12]", "[8 => 12]", "[8]", "NULL")] == [8, 8, 8, None]


@pytest.mark.parametrize("note", ["3</a b>(deleted)", "3</a b (deleted)>"])
def test_mark_of_an_unlinked_file_is_no_part_of_its_path(note: str) -> None:
    """Old and new straces mark a file without a name in their own ways."""
    path = note.partition("<")[2].partition(">")[0]
    assert descriptor(note.replace(path, hexadecimal(path))) == (3, "/a b", True)


@pytest.mark.parametrize("argument", ['"\\x61"...', "0x7ffe", "NULL"])
def test_string_that_is_not_whole_is_refused(argument: str) -> None:
    """A value is never shorter than what the program wrote."""
    with pytest.raises(ToolError):
        string_bytes(argument)


def test_vector_that_is_not_whole_is_refused() -> None:
    """One part of a vector that was cut short spoils all of it."""
    with pytest.raises(ToolError):
        vector_bytes('[{iov_base="\\x61"..., iov_len=2}]')


# The tree


def test_renamed_directory_takes_along_what_is_in_it() -> None:
    """Later changes by inode reach a file wherever its directory has gone."""
    moved = history(MAKE_FOLDER, MAKE_FILE, rename((ROOT, "folder"), (ROOT, "new"), FOLDER), WRITE_FILE)
    assert paths(moved.rebuild(State("kill", 4))[0]) == {"new": b"", "new/file": b"content"}


def test_lost_rename_of_a_directory_leaves_all_under_the_old_name() -> None:
    """What was written after a lost rename is found where the directory still is."""
    moved = history(MAKE_FOLDER, MAKE_FILE, rename((ROOT, "folder"), (ROOT, "new"), FOLDER), WRITE_FILE)
    tree, _ = moved.rebuild(State("power", 4, ((2, "lost"),)))
    assert paths(tree) == {"folder": b"", "folder/file": b"content"}


def test_directory_never_stands_in_two_places() -> None:
    """When the first of two renames is lost, the second takes the directory from its oldest name."""
    twice = history(
        MAKE_FOLDER, rename((ROOT, "folder"), (ROOT, "b"), FOLDER), rename((ROOT, "b"), (ROOT, "c"), FOLDER)
    )
    assert paths(twice.rebuild(State("power", 3, ((1, "lost"),)))[0]) == {"c": b""}


def test_lost_unlink_brings_back_what_was_written_since() -> None:
    """An unlinked file that was still written to reappears with its last content."""
    gone = history(MAKE_FOLDER, MAKE_FILE, Names((Entry(FOLDER, "file", None),)), WRITE_FILE)
    assert paths(gone.rebuild(State("kill", 4))[0]) == {"folder": b""}
    tree, _ = gone.rebuild(State("power", 4, ((2, "lost"),)))
    assert paths(tree) == {"folder": b"", "folder/file": b"content"}


def test_write_past_the_end_leaves_zeros() -> None:
    """A lost write before a kept one is a hole."""
    tree = Tree()
    tree.apply(Write(FILE, 2, b"cd"))
    assert tree.contents[FILE] == b"\0\0cd"


@pytest.mark.parametrize(("size", "content"), [(2, b"co"), (9, b"content\0\0")])
def test_resize_cuts_or_fills_with_zeros(size: int, content: bytes) -> None:
    """A file's new size keeps what fits and adds zeros."""
    tree = Tree()
    tree.apply(WRITE_FILE)
    tree.apply(Resize(FILE, size))
    assert tree.contents[FILE] == content


@pytest.mark.parametrize(("written", "left"), [(100, 50), (1024, 512), (4097, 2048)])
def test_torn_write_stops_on_a_sector_when_it_spans_one(written: int, left: int) -> None:
    """Disks write whole sectors; only a short write is cut anywhere."""
    assert len(damaged(b"x" * written, "half")) == left


def test_link_and_copy_are_different_trees() -> None:
    """A program can tell two names of one file from two files with the same bytes."""
    linked, copied = Tree(), Tree()
    for tree, second in ((linked, FILE), (copied, FILE + 1)):
        tree.apply(Names((Entry(ROOT, "a", FILE),)))
        tree.apply(Names((Entry(ROOT, "b", second),)))
    assert linked.digest() != copied.digest()


def test_ignored_directory_hides_what_is_below_it() -> None:
    """A pattern for a directory needs no second one for its files."""
    tree, _ = history(MAKE_FOLDER, MAKE_FILE).rebuild(State("kill", 2))
    assert list(tree.listing(["fold*"])) == []


def test_tree_survives_the_disk(tmp_path: Path) -> None:
    """Written and read again, a tree has the same kinds, contents, links and modes."""
    tree, _ = history(MAKE_FOLDER, MAKE_FILE, WRITE_FILE).rebuild(State("kill", 3))
    tree.add_symlink(3, "folder/file")
    tree.apply(Names((Entry(ROOT, "symlink", 3),)))
    tree.apply(Names((Entry(ROOT, "hard", FILE),)))
    tree.modes = {ROOT: 0o700, FOLDER: 0o500, FILE: 0o440}
    write_tree(tree, str(tmp_path / "written"))
    copy_directory(str(tmp_path / "written"), str(tmp_path / "copied"))
    assert read_tree(str(tmp_path / "copied")).listing() == tree.listing()
    assert {listed.kind for listed in tree.listing().values()} == set(Kind)


def test_closed_directories_can_be_removed(tmp_path: Path) -> None:
    """What a program closed to its owner does not stay behind."""
    inner = tmp_path / "outer" / "closed"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    inner.chmod(0)
    remove_directory(str(tmp_path / "outer"))
    assert not (tmp_path / "outer").exists()


# Paths


@pytest.fixture
def locator() -> Locator:
    """The directory /root/test with folder/file, a link to the folder, and one that goes round."""
    tree, _ = history(MAKE_FOLDER, MAKE_FILE).rebuild(State("kill", 2))
    for inode, (name, target) in enumerate((("link", "folder"), ("round", "round")), start=3):
        tree.add_symlink(inode, target)
        tree.apply(Names((Entry(ROOT, name, inode),)))
    return Locator("/root/test", tree)


@pytest.mark.parametrize(
    "path",
    ["/root/test/folder/file", "folder/file", "./folder//file", "folder/../link/file", "../test/link/file"],
)
def test_every_spelling_leads_to_the_file(locator: Locator, path: str) -> None:
    """Absolute, relative, through links and through the parent of the directory under test."""
    assert locator.locate(ROOT, path) == Slot(FOLDER, "file", FILE)


@pytest.mark.parametrize("path", ["/root/testament/file", "/root", "../other", "round/file", "folder/file/x", "no/x"])
def test_path_that_leads_nowhere_under_test_is_outside(locator: Locator, path: str) -> None:
    """Neighbours with a longer name, loops and missing folders have no place."""
    assert locator.locate(ROOT, path) is None


def test_link_at_the_end_is_itself_only_as_an_entry(locator: Locator) -> None:
    """Opening follows a link, renaming and removing do not."""
    assert locator.locate(ROOT, "link") == Slot(ROOT, "folder", FOLDER)
    assert locator.locate_entry(ROOT, "link") == Slot(ROOT, "link", 3)


# Durability


def test_sync_covers_only_what_had_returned() -> None:
    """A write that ended while the sync was running may have missed it."""
    early = Op(0, "early", start=0, end=1, effect=WRITE_FILE)
    late = Op(1, "late", start=2, end=4, effect=WRITE_FILE)
    sync = Op(2, "sync", start=3, end=5, effect=Sync(FILE))
    assert durable_since([early, late, sync], Model.STRICT) == {0: 2}


def test_strict_fsync_covers_one_inode() -> None:
    """A file's fsync keeps its data, and neither its name nor other files."""
    ops = sequence(MAKE_FILE, WRITE_FILE, Write(FILE + 1, 0, b"other"), Sync(FILE), Sync(FOLDER))
    assert durable_since(ops, Model.STRICT) == {1: 3, 0: 4}


def test_journal_fsync_covers_all_earlier_names() -> None:
    """A journal commits names in order, whichever file asked for it."""
    ops = sequence(MAKE_FOLDER, MAKE_FILE, WRITE_FILE, Sync(FILE + 1))
    assert durable_since(ops, Model.JOURNAL) == {0: 3, 1: 3}


def test_sync_covers_everything() -> None:
    """sync() leaves nothing pending."""
    ops = sequence(MAKE_FOLDER, MAKE_FILE, WRITE_FILE, Sync(None))
    assert durable_since(ops, Model.STRICT) == {0: 3, 1: 3, 2: 3}


def test_synchronous_write_is_never_pending() -> None:
    """A write with O_DSYNC is durable at the crash point right after it."""
    assert history(Write(FILE, 0, b"data", synchronous=True)).pending(1) == []


def test_change_is_pending_until_its_sync_returned() -> None:
    """At the crash point before the sync a change can still be lost, after it no more."""
    synced = history(WRITE_FILE, Sync(FILE))
    assert [len(synced.pending(at)) for at in range(3)] == [0, 1, 0]


# States


def test_only_complete_lines_are_promises() -> None:
    """A line that a crash cut short was not said."""
    printed = history(Output(b"1\n2"), Output(b"\n"))
    assert [printed.rebuild(State("kill", at))[1] for at in range(3)] == [b"", b"1\n", b"1\n2\n"]


def test_journal_loses_names_without_gaps() -> None:
    """When one name is lost, so is every later one that was pending."""
    journal = history(MAKE_FOLDER, MAKE_FILE, WRITE_FILE, model=Model.JOURNAL)
    assert journal.power_state(3, {0: "lost"}).changes == ((0, "lost"), (1, "lost"))


def test_all_combinations_are_tried_where_they_are_few() -> None:
    """With samples enough, every subset of pending names is a state."""
    few = history(*(Names((Entry(ROOT, name, FILE),)) for name in "abc"))
    found = {frozenset(paths(few.rebuild(state)[0])) for state in Families(few, 8, 0).states(["power"])}
    assert found == {frozenset(s) for n in range(4) for s in itertools.combinations("abc", n)}


def test_same_seed_gives_the_same_states() -> None:
    """A sweep can be repeated, and another seed tries other mixtures."""
    many = history(*(Write(FILE, offset, b"data") for offset in range(12)))
    first, again, other = ([s.id for s in Families(many, 4, seed).states(["power"])] for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_crash_points_are_spread_and_complete(count: int) -> None:
    """Every point comes once, and the first half of them is not the first half of the run."""
    order = spread(count)
    assert sorted(order) == list(range(count))
    assert count < 7 or max(order[: count // 2]) > count // 2


def test_kill_cuts_only_a_long_last_write() -> None:
    """A write of more than a page can be cut short by a kill; a short one cannot."""
    long = history(Write(FILE, 0, bytes(5000)), Write(FILE, 0, bytes(100)))
    cut = [state for state in Families(long, 8, 0).states(["kill"]) if state.changes]
    assert cut == [State("kill", 1, ((0, "half"),))]
