"""The shipped suite of port `catalog`: whatever adapter, it answers as if every card were looked at.

class TestMyCatalog(CatalogSuite):
    @pytest.fixture
    def ground(self, tmp_path) -> CatalogGround: ...

`SharedCatalogSuite` is for one that several processes share (it needs `os.fork`).
"""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Any, Protocol

from runstone.core.card import EMPTY, SEALED, damaged_card, folded, row_of
from runstone.core.fulltext import searchable
from runstone.core.query import parse_cursor, parse_query
from runstone.core.times import time_text
from runstone.ports.catalog import Known
from runstone.testing.durability import in_children
from runstone.testing.ground import code_of
from runstone.testing.hostile import HOSTILE
from runstone.testing.racing import RACERS, race

if TYPE_CHECKING:
    from runstone.core.card import Card
    from runstone.core.query import Query
    from runstone.ports.catalog import Catalog

DIGEST = "sha256:" + "a" * 64
NUMBERS = (0.5, 0.1, 1.0, -3, 2e17, "NaN")
ROUNDS = 20
NAMES = ("a", "b", 'x"y', "per cent %", "under_score", "été", "日本語", "*")


class CatalogGround(Protocol):
    """Where a catalog under test stands."""

    def make(self) -> Catalog:
        """The catalog, opened anew: what another handle has kept is there."""
        ...


def card(run_id: str, second: int = 0, **facts: Any) -> Card:
    """A card of a sealed run; `words` is text here."""
    words = facts.pop("words", "")
    return {
        **EMPTY,
        "run_id": run_id,
        "kind": "job",
        "contract": "runstone/1",
        "status": "success",
        "state": SEALED,
        "opened_at": time_text(second * 1_000_000_000),
        "closed_at": time_text((second + 1) * 1_000_000_000),
        "duration_ms": 1000,
        "digest": f"sha256:{run_id}",
        "outcome_digest": DIGEST,
        **facts,
        "words": searchable([words] if words else []),
    }


def annotation(run_id: str, target: str, second: int = 0, **facts: Any) -> Card:
    """A card of an annotation of a run."""
    scores = facts.pop("scores", {})
    given = {"labels": {}, "notes": [], **facts}
    links = [{"rel": "amends", "run_id": target, "digest": None}]
    return card(run_id, second, kind="annotation", links=links, annotation=given, scores=scores)


def put(catalog: Catalog, *cards: Card) -> None:
    """Keep cards, each under its digest as the mark."""
    catalog.update([Known(str(one["digest"]), one) for one in cards], (), None)


def ids(catalog: Catalog, query: str = "", limit: int | None = None) -> list[str]:
    """Ids of the rows of an answer."""
    return [row["run_id"] for row in catalog.rows(parse_query(query), None, limit)]


def pages(catalog: Catalog, query: Query, size: int) -> list[Any]:
    """All rows of an answer, asked for page by page."""
    found: list[Any] = []
    after = None
    while True:
        cards = catalog.cards(query, after, size)
        found += map(row_of, cards)
        if len(cards) < size:
            return found
        after = parse_cursor(query.cursor(cards[-1]).text())


def updated(catalog: Catalog, name: int) -> str:
    """Keep cards of one's own, each by an update."""
    for number in range(ROUNDS):
        put(catalog, card(f"r{name}-{number}"))
    return "updated"


def all_ids(names: int) -> set[str]:
    """The runs that so many have kept."""
    return {f"r{name}-{number}" for name in range(names) for number in range(ROUNDS)}


class CatalogSuite:
    """What holds for every catalog."""

    def test_a_new_catalog_knows_nothing(self, ground: CatalogGround) -> None:
        """No stamp, no marks, no rows."""
        catalog = ground.make()
        assert (catalog.stamp(), catalog.marks(), catalog.damaged(), ids(catalog)) == (None, {}, [], [])

    def test_it_keeps_cards_marks_and_the_stamp(self, ground: CatalogGround) -> None:
        """What one handle keeps, another one answers."""
        one = card("r1", labels={"env": "prod"})
        ground.make().update([Known("mark", one)], (), "stamp")
        catalog = ground.make()
        assert (catalog.stamp(), catalog.marks()) == ("stamp", {"r1": "mark"})
        assert catalog.cards(parse_query(""), None, None) == [one]
        assert list(map(dict, catalog.rows(parse_query(""), None, None))) == [row_of(one)]
        assert catalog.plan(parse_query("label.env:prod"))

    def test_a_card_replaces_an_earlier_one(self, ground: CatalogGround) -> None:
        """Nothing of the earlier one is found any more."""
        catalog = ground.make()
        put(catalog, card("r1", kind="old", words="ancient text", metrics={"loss": 1.0}))
        put(catalog, card("r1", kind="new", words="modern text", metrics={"loss": 2.0}))
        assert ids(catalog, "kind:old") == ids(catalog, '"ancient"') == ids(catalog, "metric.loss<1.5") == []
        assert ids(catalog, "kind:new") == ids(catalog, '"modern text"') == ids(catalog, "metric.loss>1.5") == ["r1"]

    def test_what_is_gone_is_forgotten(self, ground: CatalogGround) -> None:
        """Also what was never known can be gone."""
        catalog = ground.make()
        put(catalog, card("r1"), card("r2"))
        catalog.update((), ["r1", "never"], "later")
        assert (ids(catalog), ground.make().marks(), catalog.stamp()) == (["r2"], {"r2": "sha256:r2"}, "later")

    def test_cards_without_a_stamp_take_it_away(self, ground: CatalogGround) -> None:
        """Whoever comes late does not know what the stamp stands for: the next one must look."""
        catalog = ground.make()
        catalog.update([Known("mark", card("r1"))], (), "stamp")
        ground.make().update([Known("mark", card("r2"))], (), None)
        assert catalog.stamp() is None

    def test_clear_forgets_everything(self, ground: CatalogGround) -> None:
        """Cards, marks and the stamp; and it can be filled again."""
        catalog = ground.make()
        catalog.update([Known("mark", card("r1"))], (), "stamp")
        catalog.clear()
        assert (ground.make().stamp(), ground.make().marks()) == (None, {})
        put(catalog, card("r2"))
        assert ids(ground.make()) == ["r2"]

    def test_a_generation_ends_when_everything_is_forgotten(self, ground: CatalogGround) -> None:
        """It is the same as long as cards come and go, and another one after `clear`, for every handle."""
        catalog, other = ground.make(), ground.make()
        begun = catalog.generation(), other.generation()
        put(catalog, card("r1"))
        other.update((), ["r1"], "stamp")
        assert (catalog.generation(), other.generation()) == begun
        catalog.clear()
        assert catalog.generation() != begun[0]
        assert other.generation() != begun[1]

    def test_damaged_runs_are_told_and_come_last(self, ground: CatalogGround) -> None:
        """They have no time; a status finds them."""
        catalog = ground.make()
        put(catalog, damaged_card("broken"), card("good", 5))
        assert (catalog.damaged(), ids(catalog)) == (["broken"], ["good", "broken"])
        assert ids(catalog, "status:damaged") == ids(catalog, "-since:1970-01-01") == ["broken"]
        assert ids(catalog, "until:2100-01-01") == ["good"]

    def test_annotations_are_folded_in_order_of_time(self, ground: CatalogGround) -> None:
        """The latest wins, in whatever order they come; null takes a label away; the base is what is left without."""
        catalog = ground.make()
        put(catalog, annotation("a2", "r", 20, labels={"team": "blue", "env": None}, name="second", scores={"q": 0.9}))
        put(catalog, card("r", 1, labels={"env": "dev", "team": "none"}, scores={"q": 0.1}))
        put(catalog, annotation("a1", "r", 10, labels={"team": "red"}, name="first", notes=["looks fine"]))
        (found,) = catalog.cards(parse_query("id:r"), None, None)
        assert (found["labels"], found["name"], found["scores"]) == ({"team": "blue"}, "second", {"q": 0.9})
        assert ids(catalog, "label.team:blue") == ids(catalog, 'name:second "looks fine"') == ["r"]
        assert ids(catalog, "label.team:red,none") == ids(catalog, "label.env:dev") == ids(catalog, '"dev"') == []
        catalog.update((), ["a2"], None)
        (found,) = catalog.cards(parse_query("id:r"), None, None)
        assert (found["labels"], found["name"]) == ({"team": "red", "env": "dev"}, "first")
        catalog.update((), ["a1"], None)
        assert ids(catalog, "label.team:none score.q<0.5") == ["r"]

    def test_an_annotation_that_is_annotated_itself_still_counts(self, ground: CatalogGround) -> None:
        """All come at once, the outermost first: each is folded over what it amends, and only that."""
        catalog = ground.make()
        outer = annotation("a2", "a1", 20, labels={"checked": "yes"})
        put(catalog, outer, annotation("a1", "r", 10, labels={"team": "red"}), card("r", 1))
        assert ids(catalog, "label.team:red") == ["r"]
        assert ids(catalog, "kind:annotation label.checked:yes") == ["a1"]

    def test_an_alias_is_of_the_run_that_got_it_last(self, ground: CatalogGround) -> None:
        """Wherever the annotations stand; and of nobody when it was taken away."""
        catalog = ground.make()
        put(catalog, card("r1"), card("r2"), annotation("a1", "r1", 10, aliases={"prod": True}))
        assert ids(catalog, "alias:prod") == ["r1"]
        put(catalog, annotation("a2", "r2", 20, aliases={"prod": True}))
        assert ids(catalog, "alias:prod") == ["r2"]
        put(catalog, annotation("a3", "r1", 30, aliases={"prod": False}))
        assert ids(catalog, "alias:prod") == []
        catalog.update((), ["a3", "a2"], None)
        assert ids(catalog, "alias:prod") == ["r1"]

    def test_a_cursor_of_another_order_is_refused(self, ground: CatalogGround) -> None:
        """`invalid_cursor`, not another answer."""
        catalog = ground.make()
        put(catalog, card("r1", metrics={"loss": 1.0}))
        (found,) = catalog.cards(parse_query(""), None, None)
        cursor = parse_query("sort:metric.loss").cursor(found)
        assert code_of(lambda: catalog.rows(parse_query(""), cursor, 1)) == "invalid_cursor"
        assert code_of(lambda: catalog.rows(parse_query("sort:kind"), cursor, 1)) == "invalid_cursor"

    def test_hostile_values_are_literals(self, ground: CatalogGround) -> None:
        """Each finds the run that has it, wherever it stands, and no other; nothing else happens."""
        catalog = ground.make()
        put(
            catalog,
            *(card(f"h{number}", number, name=text, labels={text: text}) for number, text in enumerate(HOSTILE)),
        )
        for number, text in enumerate(HOSTILE):
            quoted = text.replace("\\", "\\\\").replace('"', '\\"')
            for query in (f'name:"{quoted}"', f'label."{quoted}":"{quoted}"'):
                assert ids(catalog, query) == [f"h{number}"], text
        assert len(ids(catalog)) == len(HOSTILE) >= 200

    def test_a_store_of_many_has_its_pages(self, ground: CatalogGround) -> None:
        """More runs than are sorted at once: filters that many and that few fit, pages without a gap or a double."""
        catalog = ground.make()
        every = [
            card(f"r{number:05}", number // 3, labels={"shard": str(number % 7)}, metrics={"n": number % 100})
            for number in range(6_000)
        ]
        put(catalog, *every)
        filters = ("", "label.shard:3", "label.shard:3,4 metric.n>90", "id:r0001*", "label.shard:3*", "metric.n:7,8")
        orders = ("sort:-metric.n", "sort:metric.n", "sort:opened", "label.shard:1 sort:-status")
        for text in (*filters, *orders):
            query = parse_query(text)
            expected = [row_of(one) for one in query.page(every, None, None)]
            assert pages(catalog, query, 997) == expected, text
            assert catalog.rows(query, None, 0) == catalog.cards(query, None, 0) == []

    def test_an_update_is_seen_whole(self, ground: CatalogGround) -> None:
        """Whoever asks while it is made finds what goes and nothing of what comes, or the reverse."""
        halves = [[card(f"{name}{number}", number) for number in range(5)] for name in ("old", "new")]
        names = [{str(one["run_id"]) for one in half} for half in halves]
        put(ground.make(), *halves[0])
        done: list[bool] = []
        looks: list[bool] = []

        def write(_: int) -> str:
            catalog, turn = ground.make(), 0
            try:
                while turn < ROUNDS or len(looks) < ROUNDS:
                    going, turn = names[turn % 2], turn + 1
                    catalog.update([Known("mark", one) for one in halves[turn % 2]], going, None)
                    sleep(0.0002)
            finally:
                done.append(True)
            return "written"

        def read(_: int) -> str:
            catalog, query = ground.make(), parse_query("")
            try:
                while not done:
                    cards = {card["run_id"] for card in catalog.cards(query, None, None)}
                    if not all(found in names for found in (cards, set(ids(catalog)), catalog.marks().keys())):
                        return "in part"
                    looks.append(True)
            finally:
                looks.extend([True] * ROUNDS)
            return "whole"

        answers = race(lambda racer: read(racer) if racer else write(racer), racers=3)
        assert answers == ["written", "whole", "whole"]

    def test_threads_that_update_at_once_lose_nothing(self, ground: CatalogGround) -> None:
        """Through one handle or through several, every card is there."""
        shared = ground.make()
        answers = race(lambda racer: updated(shared if racer % 2 else ground.make(), racer))
        assert answers == ["updated"] * RACERS
        assert set(ids(ground.make())) == ground.make().marks().keys() == all_ids(RACERS)

    def test_any_sequence_of_changes_agrees_with_looking_at_every_card(self, ground: CatalogGround) -> None:
        """Random cards and annotations come, change and go; random queries find what a look at all cards finds."""
        from hypothesis import given, settings
        from hypothesis import strategies as st

        cards, queries, catalog = _cards(), _queries(), ground.make()

        @settings(max_examples=150, deadline=None, database=None)
        @given(st.lists(st.tuples(st.lists(cards, max_size=6), st.lists(_ids(), max_size=2)), max_size=5), queries)
        def check(changes: list[tuple[list[Card], list[str]]], asked: list[str]) -> None:
            catalog.update((), catalog.marks(), None)
            expected: dict[str, Card] = {}
            for coming, going in changes:
                for run_id in going:
                    expected.pop(run_id, None)
                unique = {one["run_id"]: one for one in coming}
                expected.update(unique)
                catalog.update([Known("mark", one) for one in unique.values()], going, None)
            every = folded(list(expected.values()))
            for text in asked:
                query = parse_query(text, NOW_NS)
                found = query.page(every, None, None)
                assert catalog.cards(query, None, None) == found, text
                assert list(map(dict, catalog.rows(query, None, None))) == list(map(row_of, found)), text
                assert pages(catalog, query, 2) == list(map(row_of, found)), text

        check()


class SharedCatalogSuite(CatalogSuite):
    """What holds of a catalog that several processes share."""

    def test_processes_that_update_at_once_lose_nothing(self, ground: CatalogGround) -> None:
        """Every card is there, for each of them."""
        put(ground.make(), card("before"))
        assert in_children(4, lambda number: updated(ground.make(), number)) == ["updated"] * 4
        assert set(ids(ground.make())) == all_ids(4) | {"before"}


NOW_NS = 100 * 1_000_000_000


def _strategies() -> Any:
    """Imported when a test runs: the suite is shipped, Hypothesis is not."""
    from hypothesis import strategies

    return strategies


def _ids() -> Any:
    return _strategies().sampled_from([f"r{number}" for number in range(6)])


def _cards() -> Any:
    """Cards of few ids, times and values, so that they meet; with every field that can be asked for."""
    st = _strategies()
    text = st.sampled_from(NAMES)
    number = st.sampled_from(NUMBERS)
    seconds = st.integers(0, 3)
    artifacts = st.lists(st.tuples(text, st.just("file"), st.sampled_from(["a" * 64, None]), text), max_size=2)

    def made(run_id: str, second: int, facts: dict[str, Any]) -> Card:
        artifact = {key: list(map(list, facts.pop(key))) for key in ("inputs", "outputs")}
        return card(run_id, second, **artifact, **facts)

    plain = st.builds(
        made,
        _ids(),
        seconds,
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["job", "annotation", "judge", "a*b"]),
                "status": st.sampled_from(["success", "failed", "blocked"]),
                "labels": st.dictionaries(text, text, max_size=2),
                "checks": st.dictionaries(text, st.sampled_from(["pass", "fail"]), max_size=2),
                "metrics": st.dictionaries(text, number, max_size=2),
                "scores": st.dictionaries(text, number, max_size=2),
                "config": st.dictionaries(
                    text.map("/{}".format), number | text | st.none() | st.booleans(), max_size=2
                ),
                "inputs": artifacts,
                "outputs": artifacts,
                "decision": st.none() | st.fixed_dictionaries({"outcome": text, "risk_level": st.none() | text}),
                "duration_ms": st.integers(0, 5000),
                "name": st.none() | text,
                "words": st.sampled_from(["", "connection refused by host", "refused connection", "日本語 text a"]),
            }
        ),
    )
    amending = st.builds(
        lambda run_id, target, second, facts: annotation(f"a{run_id}", target, second, **facts),
        _ids(),
        _ids(),
        seconds,
        st.fixed_dictionaries(
            {
                "labels": st.dictionaries(text, st.none() | text, max_size=2),
                "scores": st.dictionaries(text, number, max_size=1),
                "notes": st.lists(st.just("a remark"), max_size=1),
            },
            optional={
                "name": st.none() | text,
                "aliases": st.dictionaries(st.sampled_from(["prod", "best"]), st.booleans(), max_size=2),
                "override": st.fixed_dictionaries({"outcome": text, "reason": text}),
                "by": text,
            },
        ),
    )
    return plain | amending | _ids().map(damaged_card)


def _queries() -> Any:
    """Lists of queries of every term, some of them negated and several at once."""
    st = _strategies()
    value = st.sampled_from(
        ["a", "b", "a,b", "*", "a*", "*e*", "0.1", "0.10,1", '"*"', '"per cent %"', "日*", "under_*"]
    )
    name = st.sampled_from(["a", "b", '"x\\"y"', '"per cent %"'])
    numbers = st.sampled_from(["*", "a*", "*e*", "0.1", "0.10,1", '"0.1"', "NaN", "-Infinity,2*"])
    bound = st.sampled_from(["<0.5", "<=0.5", ">0.2", ">=2e17", ">-4"])
    term = st.one_of(
        st.builds(
            "{}:{}".format, st.sampled_from(["id", "kind", "contract", "name", "alias", "input", "output"]), value
        ),
        st.sampled_from(
            ["kind:*", "kind:annotation,judge", "id:r1", "id:r*", "status:failed", "status:*ed", "alias:prod"]
        ),
        st.builds("label.{}:{}".format, name, value),
        st.builds("{}.{}{}".format, st.sampled_from(["metric", "score"]), name, bound | numbers.map(":{}".format)),
        st.builds("config./{}{}".format, st.sampled_from(["a", "b", "*"]), bound | value.map(":{}".format)),
        st.builds("check.{}:{}".format, name, st.sampled_from(["pass", "fail", "*"])),
        st.builds("decision.{}:{}".format, st.sampled_from(["risk", "outcome", "by"]), value),
        st.sampled_from(
            ["duration>2", "duration<=1500ms", "since:98s", "until:1970-01-01T00:00:02", "since:1970-01-01"]
        ),
        st.sampled_from(
            ['"refused"', '"connection ref*"', '"refused by"', '"日本"', '"a remark","host"', f"output:{DIGEST}"]
        ),
        st.builds("link.amends:{}".format, _ids()),
    )
    negated = st.builds("{}{}".format, st.sampled_from(["", "", "-"]), term)
    order = st.sampled_from(
        [
            "",
            "",
            "sort:opened",
            "sort:-opened",
            "sort:metric.a",
            "sort:-score.b",
            "sort:-duration",
            "sort:kind",
            "sort:name",
        ]
    )
    query = st.builds(lambda terms, sort: " ".join([*terms, sort]), st.lists(negated, max_size=3), order)
    return st.lists(query, min_size=1, max_size=6)
