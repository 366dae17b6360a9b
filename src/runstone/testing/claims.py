"""The shipped suite of port `claims`: of all who try, one makes a claim, and everybody else gets its body.

class TestMyClaims(ClaimsSuite):
    @pytest.fixture
    def ground(self, tmp_path) -> ClaimsGround: ...
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from runstone.testing.racing import RACERS, race

if TYPE_CHECKING:
    from runstone.ports.claims import Claims

KEY = "0123456789abcdef" * 4
ROUNDS = 5


class ClaimsGround(Protocol):
    """Where claims under test stand."""

    def make(self) -> Claims:
        """The claims, opened anew: what another handle has claimed is there."""
        ...


class ClaimsSuite:
    """What every adapter promises. Subclasses give the fixture `ground`."""

    def test_a_claim_is_made_once(self, ground: ClaimsGround) -> None:
        """The first is told that it made it; who comes later gets the first one's body, also with the same one."""
        claims = ground.make()
        assert claims.put_new(KEY, b"one") is None
        assert [claims.put_new(KEY, body) for body in (b"two", b"one", b"")] == [b"one"] * 3

    def test_a_claim_can_be_read(self, ground: ClaimsGround) -> None:
        """`None` where there is none; asking makes none."""
        claims = ground.make()
        assert claims.get(KEY) is None
        assert claims.put_new(KEY, b"one") is None
        assert claims.get(KEY) == b"one"

    def test_a_claim_is_seen_by_others(self, ground: ClaimsGround) -> None:
        """Another handle reads it, and cannot make it again."""
        ground.make().put_new(KEY, b"one")
        assert ground.make().get(KEY) == b"one"
        assert ground.make().put_new(KEY, b"two") == b"one"

    def test_names_are_apart(self, ground: ClaimsGround) -> None:
        """A name that another one begins with is another claim."""
        claims = ground.make()
        names = [KEY, f"{KEY}.2", f"{KEY}.used", "a", "a" * 200]
        assert [claims.put_new(name, name.encode()) for name in names] == [None] * len(names)
        assert [claims.get(name) for name in names] == [name.encode() for name in names]

    def test_a_body_is_kept_byte_by_byte(self, ground: ClaimsGround) -> None:
        """Whatever it is; an empty one is a claim as well."""
        claims = ground.make()
        bodies = {"empty": b"", "bytes": bytes(range(256)), "lines": b"a\r\nb\n\0"}
        for name, body in bodies.items():
            assert claims.put_new(name, body) is None
        assert {name: claims.get(name) for name in bodies} == bodies
        assert claims.put_new("empty", b"more") == b""

    def test_threads_racing_for_a_claim_have_one_winner(self, ground: ClaimsGround) -> None:
        """One has made it, and all others are answered with the winner's body, whole."""
        bodies = [f"{racer}" * 1000 for racer in range(RACERS)]

        def claimed(racer: int, name: str) -> str:
            found = ground.make().put_new(name, bodies[racer].encode())
            return "made" if found is None else found.decode()

        for number in range(ROUNDS):
            answers = race(partial(claimed, name=f"round.{number}"))
            winner = answers.index("made")
            assert answers[:winner] + answers[winner + 1 :] == [bodies[winner]] * (RACERS - 1)
