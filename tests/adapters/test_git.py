"""What a directory is at: as git itself tells it, again and again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runstone.adapters import git
from runstone.adapters.git import Look, head_of

WHO = ("-c", "user.name=tester", "-c", "user.email=tester@localhost", "-c", "commit.gpgsign=false")
OLD_NS = 1_700_000_000_000_000_000


def run(folder: Path, *words: str) -> str:
    """A git command in a folder; what it prints."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *WHO, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """An empty commit; its id."""
    run(folder, "commit", "--allow-empty", "-qm", "more")
    return run(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With a branch `main`, and no commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    return folder


def test_outside_of_a_repository_there_is_nothing(tmp_path: Path) -> None:
    """Up to the root."""
    assert head_of(str(tmp_path)) is None


def test_before_the_first_commit_there_is_a_ref_alone(repository: Path) -> None:
    """And afterwards its commit, from a folder below as well."""
    below = repository / "a" / "b"
    below.mkdir(parents=True)
    assert head_of(str(below)) == (None, "refs/heads/main")
    assert (commit(repository), "refs/heads/main") == head_of(str(below))


def test_every_change_is_seen_at_once(repository: Path) -> None:
    """Commits, branches, refs that are packed, a detached head: also within a moment."""
    place = str(repository)
    for _ in range(5):
        assert (commit(repository), "refs/heads/main") == head_of(place)
    run(repository, "checkout", "-q", "-b", "deep/er")
    assert head_of(place) == (run(repository, "rev-parse", "HEAD"), "refs/heads/deep/er")
    run(repository, "pack-refs", "--all")
    assert head_of(place) == (run(repository, "rev-parse", "HEAD"), "refs/heads/deep/er")
    assert (commit(repository), "refs/heads/deep/er") == head_of(place)
    run(repository, "checkout", "-q", "--detach", "HEAD~2")
    assert head_of(place) == (run(repository, "rev-parse", "HEAD"), None)


def test_a_worktree_has_a_head_of_its_own(repository: Path, tmp_path: Path) -> None:
    """Its `.git` is a file, and its refs are those of the repository."""
    first = commit(repository)
    other = tmp_path / "other"
    run(repository, "worktree", "add", "-q", "-b", "other", str(other))
    second = commit(other)
    assert head_of(str(other)) == (second, "refs/heads/other")
    assert head_of(str(repository)) == (first, "refs/heads/main")


def test_a_repository_that_comes_or_goes_is_seen(repository: Path) -> None:
    """Around the same directory."""
    below = repository / "below"
    below.mkdir()
    outer = commit(repository)
    assert head_of(str(below)) == (outer, "refs/heads/main")
    run(below, "init", "-q", "-b", "inner")
    assert head_of(str(below)) == (None, "refs/heads/inner")
    (below / ".git").rename(below / "elsewhere")
    assert head_of(str(below)) == (outer, "refs/heads/main")


def settled(folder: Path) -> None:
    """As if everything had been there for long."""
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, ns=(OLD_NS, OLD_NS))


def test_what_has_just_changed_is_read_again(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two changes within one tick of the file system's clock may look the same."""
    commit(repository)
    monkeypatch.setattr(git, "SETTLED_NS", 10**18)
    assert not Look(str(repository)).holds()
    monkeypatch.setattr(git, "SETTLED_NS", 0)
    assert Look(str(repository)).holds()


def test_what_has_not_changed_is_not_read_again(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service asks for every run."""
    sha = commit(repository)
    settled(repository)
    monkeypatch.setattr(git, "SETTLED_NS", 0)  # the time at which a file's facts changed cannot be set
    assert head_of(str(repository)) == (sha, "refs/heads/main")
    monkeypatch.setattr(os, "read", None)
    assert head_of(str(repository)) == (sha, "refs/heads/main")


def test_what_is_no_repository_after_all_is_none(tmp_path: Path) -> None:
    """A folder without a head, a file that points nowhere, a pipe, bytes that are no text."""
    place = tmp_path / "place"
    (place / ".git").mkdir(parents=True)
    assert head_of(str(place)) is None
    (place / ".git").rmdir()
    (place / ".git").write_text("gitdir: ../nowhere\n")
    assert head_of(str(place)) is None
    (place / ".git").unlink()
    os.mkfifo(place / ".git")
    assert head_of(str(place)) is None


DAMAGED = {"empty": "", "garbage": "garbage", "zeros": "\0" * 41, "short": "f" * 39, "ref": "ref:x"}


@pytest.mark.parametrize("head", DAMAGED.values(), ids=DAMAGED)
def test_a_head_that_is_damaged_names_no_commit(repository: Path, head: str) -> None:
    """As a power loss leaves one: nothing is taken for a commit that cannot be one."""
    commit(repository)
    (repository / ".git" / "HEAD").write_text(head)
    assert head_of(str(repository)) == ((None, "x") if head == "ref:x" else None)


def test_names_that_no_file_can_have_lead_nowhere(repository: Path) -> None:
    """A zero byte in the name of a ref, of a repository, of the folder that worktrees share."""
    commit(repository)
    (repository / ".git" / "HEAD").write_text("ref: refs/heads/a\0b\n")
    assert head_of(str(repository)) == (None, "refs/heads/a\0b")
    (repository / ".git" / "HEAD").write_text("ref: refs/heads/gone\n")
    (repository / ".git" / "commondir").write_text("a\0b\n")
    assert head_of(str(repository)) == (None, "refs/heads/gone")
    below = repository / "below"
    below.mkdir()
    (below / ".git").write_text("gitdir: a\0b\n")
    assert head_of(str(below)) is None


def test_few_directories_are_remembered(tmp_path: Path) -> None:
    """A process may walk through any number of them."""
    for number in range(2 * git.MAX_KNOWN):
        folder = tmp_path / str(number)
        folder.mkdir()
        head_of(str(folder))
    assert len(git._known) <= git.MAX_KNOWN


@pytest.mark.parametrize("name", ["main\N{NO-BREAK SPACE}", os.fsdecode(b"caf\xe9"), "\N{EN QUAD}x", "é/ü"])
def test_a_branch_has_its_own_commit_whatever_its_name(repository: Path, name: str) -> None:
    """Beside `main`, loose and packed: blanks beyond ASCII and bytes that are no UTF-8 are part of a name."""
    commit(repository)
    run(repository, "checkout", "-q", "-b", name)
    sha = commit(repository)
    assert head_of(str(repository)) == (sha, f"refs/heads/{name}")
    run(repository, "pack-refs", "--all")
    assert head_of(str(repository)) == (sha, f"refs/heads/{name}")


def test_a_ref_may_name_another_one(repository: Path) -> None:
    """As an alias of a branch; one that names itself names no commit."""
    sha = commit(repository)
    run(repository, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    run(repository, "checkout", "-q", "alias")
    assert head_of(str(repository)) == (sha, "refs/heads/alias")
    (repository / ".git/refs/heads/alias").write_text("ref: refs/heads/alias\n")
    assert head_of(str(repository)) == (None, "refs/heads/alias")


def test_refs_in_tables_are_not_told(repository: Path) -> None:
    """What stands in `HEAD` for programs that know no tables is no ref."""
    commit(repository)
    (repository / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    assert head_of(str(repository)) == (None, None)


def test_a_folder_that_is_no_repository_is_passed_by(repository: Path) -> None:
    """Git itself goes on upwards."""
    sha = commit(repository)
    below = repository / "below"
    (below / ".git").mkdir(parents=True)
    assert head_of(str(below)) == (sha, "refs/heads/main")
    assert run(below, "rev-parse", "HEAD") == sha


def test_no_pipe_is_waited_for(repository: Path) -> None:
    """Whichever of the files one stands for."""
    os.mkfifo(repository / ".git/packed-refs")
    assert head_of(str(repository)) == (None, "refs/heads/main")
    (repository / ".git/HEAD").unlink()
    os.mkfifo(repository / ".git/HEAD")
    assert head_of(str(repository)) is None


def test_no_descriptor_is_left_of_what_is_no_file(repository: Path) -> None:
    """A folder in the place of one, look after look."""
    (repository / ".git/packed-refs").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(3):
        (repository / ".git/HEAD").write_text(f"ref: refs/heads/x{number}\n")
        assert head_of(str(repository)) == (None, f"refs/heads/x{number}")
    assert len(os.listdir("/proc/self/fd")) == before
