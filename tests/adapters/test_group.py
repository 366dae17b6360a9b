"""Group commit: who is served by which sync, and by which thread."""

from __future__ import annotations

import _thread
import threading
import time
import weakref

import pytest

from runstone.adapters.fs.packs.group import Group, Ticket


class Disk:
    """Work of a group that tells its batches, and goes on when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[Ticket]] = []
        self.begun = threading.Semaphore(0)
        self.goes_on = threading.Semaphore(0)
        self.at_once = 0
        self.group = Group(self._work, lambda: None)

    def _work(self, batch: list[Ticket]) -> None:
        self.at_once += 1
        assert self.at_once == 1
        self.batches.append(batch)
        self.begun.release()
        assert self.goes_on.acquire(timeout=10)
        self.at_once -= 1
        for ticket in batch:
            ticket.settle(None)

    def free(self) -> None:
        """Wait for nothing any more."""
        for _ in range(100):
            self.goes_on.release()

    def ticket(self) -> Ticket:
        """One for it."""
        return Ticket(self.group)

    def waited(self) -> Ticket:
        """One for which somebody waits."""
        ticket = self.ticket()
        ticket.then(lambda: None)
        return ticket


def settled(ticket: Ticket) -> bool:
    """Whether it is settled within ten seconds."""
    done = threading.Event()
    ticket.then(done.set)
    return done.wait(10)


@pytest.fixture
def disk() -> Disk:
    """A disk at which nobody waits."""
    return Disk()


def test_all_who_come_during_a_sync_are_served_by_the_next(disk: Disk) -> None:
    """One sync for many, in the order in which they came."""
    first = disk.waited()
    assert disk.begun.acquire(timeout=10)
    others = [disk.waited() for _ in range(5)]
    disk.free()
    assert all(map(settled, [first, *others]))
    assert disk.batches == [[first], others]


def test_ticket_is_handed_in_once_somebody_waits_for_it(disk: Disk) -> None:
    """Not before, and once, however many wait."""
    disk.free()
    early, late = disk.ticket(), disk.ticket()
    assert settled(late)
    assert disk.batches == [[late]]
    told = threading.Semaphore(0)
    early.then(told.release)
    early.then(told.release)
    assert all(told.acquire(timeout=10) for _ in range(2))
    early.then(told.release)
    assert told.acquire(blocking=False)
    assert disk.batches == [[late], [early]]


def test_what_went_wrong_is_told_to_each() -> None:
    """An exception of their own for each."""
    group = Group(lambda batch: [ticket.settle(lambda: OSError("full")) for ticket in batch] and None, lambda: None)
    seen = []
    for _ in range(2):
        with pytest.raises(OSError, match="full") as raised:
            Ticket(group).wait()
        seen.append(raised.value)
    assert seen[0] is not seen[1]


def test_two_threads_begun_at_one_moment_do_not_work_at_once(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them ends."""
    begin = _thread.start_new_thread
    begun: list[int] = []

    def twice(function, arguments) -> int:
        begun.extend(begin(function, arguments) for _ in range(2))
        return begun[-1]

    monkeypatch.setattr(_thread, "start_new_thread", twice)
    first = disk.waited()
    assert disk.begun.acquire(timeout=10)
    second = disk.waited()
    assert not disk.begun.acquire(timeout=0.05)
    disk.free()
    assert settled(first)
    assert settled(second)
    assert len(begun) == 2


def test_without_a_thread_the_caller_does_the_work(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a process no thread begins any more."""

    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    disk.free()
    tickets = [disk.waited(), disk.waited()]
    assert [ticket.settled for ticket in tickets] == [True, True]
    assert disk.batches == [[ticket] for ticket in tickets]


def test_what_is_done_is_held_no_longer() -> None:
    """A group that waits for the next ticket holds none of the last ones, and nothing of their data."""
    group = Group(lambda batch: [ticket.settle(None) for ticket in batch] and None, lambda: None)

    class Held(Ticket):
        pass

    ticket = Held(group)
    gone = weakref.ref(ticket)
    ticket.wait()
    del ticket
    deadline = time.monotonic() + 10
    while gone() is not None and time.monotonic() < deadline:
        time.sleep(0.001)
    assert gone() is None


def test_idle_group_is_called_again_and_again() -> None:
    """After as many seconds as it says, while nobody asks; then work goes on as before."""
    idle = threading.Semaphore(0)

    def called() -> float:
        idle.release()
        return 0.001

    group = Group(lambda batch: [ticket.settle(None) for ticket in batch] and None, called)
    Ticket(group).wait()
    for _ in range(3):
        assert idle.acquire(timeout=10)
    Ticket(group).wait()


def test_a_thread_that_was_refused_once_is_begun_later(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who could have none does its own work; who comes meanwhile and later is served by the next thread."""
    true, refused = _thread.start_new_thread, []

    def start(*arguments) -> int:
        if not refused:
            refused.append(1)
            raise RuntimeError("can't start new thread")
        return true(*arguments)

    monkeypatch.setattr(_thread, "start_new_thread", start)
    first, meanwhile = disk.ticket(), disk.ticket()
    caller = threading.Thread(target=first.wait)
    caller.start()
    assert disk.begun.acquire(timeout=10)
    meanwhile.then(lambda: None)
    disk.free()
    caller.join(10)
    assert all(settled(ticket) for ticket in (first, meanwhile, disk.ticket(), disk.ticket()))
