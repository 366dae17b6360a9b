"""The shipped suite of port `published`: a copy is made once, whole, and goes only where somebody takes it away.

class TestMyCopies(PublishedSuite):
    @pytest.fixture
    def ground(self, tmp_path) -> PublishedGround: ...
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from runstone.testing.ground import BAD_PATHS, code_of
from runstone.testing.racing import RACERS, race

if TYPE_CHECKING:
    from runstone.ports.published import Published

PLACE = "2026-01-02/run.json"
ROUNDS = 5


class PublishedGround(Protocol):
    """Where copies under test stand."""

    def make(self) -> Published:
        """The copies, opened anew: what another handle has put is there."""
        ...


def body_at(copies: Published, place: str) -> bytes | None:
    """What stands at a place, whole."""
    found = copies.read(place)
    return None if found is None else b"".join(found)


class PublishedSuite:
    """What every adapter promises. Subclasses give the fixture `ground`."""

    def test_a_copy_is_put_once(self, ground: PublishedGround) -> None:
        """The same bytes again are no fault; others are one, and change nothing."""
        copies = ground.make()
        assert copies.put(PLACE, [b"o", b"ne"]) == "created"
        assert copies.put(PLACE, [b"one"]) == "identical"
        assert code_of(lambda: copies.put(PLACE, [b"two"])) == "published_conflict"
        assert code_of(lambda: copies.put(PLACE, [b"one more"])) == "published_conflict"
        assert body_at(copies, PLACE) == b"one"

    def test_a_copy_is_seen_by_others(self, ground: PublishedGround) -> None:
        """Another handle reads it, and cannot put other bytes."""
        ground.make().put(PLACE, [b"one"])
        assert body_at(ground.make(), PLACE) == b"one"
        assert code_of(lambda: ground.make().put(PLACE, [b"two"])) == "published_conflict"

    def test_what_is_not_there_is_none(self, ground: PublishedGround) -> None:
        """Also where a folder of its place is missing, or is a copy itself; asking makes nothing."""
        copies = ground.make()
        copies.put("a", [b"x"])
        assert [body_at(copies, place) for place in (PLACE, "a/b", "2026-01-02/other")] == [None] * 3

    def test_what_stands_is_known_without_reading(self, ground: PublishedGround) -> None:
        """Another handle knows of it, and of its removal."""
        copies = ground.make()
        copies.put(PLACE, [b"x"])
        assert [ground.make().stands(place) for place in (PLACE, f"{PLACE}/b", "2026-01-02/other")] == [
            True,
            False,
            False,
        ]
        copies.remove(PLACE)
        assert not ground.make().stands(PLACE)

    def test_a_folder_is_no_copy(self, ground: PublishedGround) -> None:
        """Where copies stand below a place, it neither has one nor lacks one: that is told, and nothing is changed."""
        copies = ground.make()
        copies.put("a/b", [b"x"])
        assert code_of(lambda: copies.stands("a")) == "store_unavailable"
        assert code_of(lambda: body_at(copies, "a")) == "store_unavailable"
        assert code_of(lambda: copies.put("a", [b"x"])) == "published_conflict"
        assert code_of(lambda: copies.remove("a")) == "store_unavailable"
        assert body_at(copies, "a/b") == b"x"

    def test_a_copy_goes_when_it_is_removed(self, ground: PublishedGround) -> None:
        """Once; others stay, and it can be put again."""
        copies = ground.make()
        copies.put(PLACE, [b"one"])
        copies.put("2026-01-02/other.json", [b"two"])
        assert [ground.make().remove(PLACE) for _ in range(2)] == [True, False]
        assert (body_at(copies, PLACE), body_at(copies, "2026-01-02/other.json")) == (None, b"two")
        assert copies.put(PLACE, [b"three"]) == "created"

    def test_that_a_store_publishes_is_noted(self, ground: PublishedGround) -> None:
        """By `begin`, or by the first copy; for every handle."""
        assert ground.make().begun() is False
        ground.make().begin()
        ground.make().begin()
        assert ground.make().begun() is True

    def test_a_place_is_a_path_of_a_bundle(self, ground: PublishedGround) -> None:
        """Nothing leads out of the folder."""
        copies = ground.make()
        for place in BAD_PATHS:
            assert code_of(partial(copies.put, place, [b"x"])) == "invalid_path", place
            assert code_of(partial(copies.read, place)) == "invalid_path", place
            assert code_of(partial(copies.remove, place)) == "invalid_path", place

    def test_a_copy_is_kept_byte_by_byte(self, ground: PublishedGround) -> None:
        """Whatever it is, also nothing."""
        copies = ground.make()
        bodies = {"empty": b"", "bytes": bytes(range(256)), "large": b"x" * 3_000_000}
        for place, body in bodies.items():
            copies.put(place, [body])
        assert {place: body_at(copies, place) for place in bodies} == bodies

    def test_threads_racing_for_a_place_have_one_winner(self, ground: PublishedGround) -> None:
        """One has made it, all others are told that something else is there, and it is the winner's, whole."""
        bodies = [f"{racer}".encode() * 1000 for racer in range(RACERS)]

        def put(racer: int, place: str) -> str:
            code = code_of(lambda: ground.make().put(place, [bodies[racer]]))
            return code or "made"

        for number in range(ROUNDS):
            answers = race(partial(put, place=f"round/{number}"))
            assert sorted(answers) == ["made", *["published_conflict"] * (RACERS - 1)]
            assert body_at(ground.make(), f"round/{number}") == bodies[answers.index("made")]
