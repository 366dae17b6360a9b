"""Why something is taken out, or is not: never other than what the redactor does, and nothing of a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.planted import Planted, secrets
from runstone.core.redaction import names
from runstone.core.redaction.explain import about, near_misses, reason
from runstone.core.redaction.redactor import Redactor
from runstone.core.redaction.rules import RULES

REDACTOR = Redactor({"declared horse": "declared", "environment horse": "environment"})
PLANTED = [(rule, one) for rule, found in secrets(11).items() for one in found]
FRAGMENTS = st.sampled_from(
    [
        *(planted.text for _, planted in PLANTED),
        *("password", "max_tokens", "api_key", "token", "author", "Bearer", "declared horse", "environment horse"),
        *("=", ": ", '"', "'", " ", "\n", "hunter2horse", "***", "${X}", "os.environ['X']", "[REDACTED:declared]", "é"),
    ]
)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=4), max_size=12).map("".join)


@pytest.mark.parametrize(("rule", "planted"), PLANTED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_taken_out_has_its_reason(rule: str, planted: Planted) -> None:
    """A place has the rule by which `text` redacts, what the rule is, and a reason without the value."""
    (place,) = REDACTOR.places(planted.text)
    told = reason(REDACTOR, planted.text, place)
    assert ([told.rule], place.rule) == (REDACTOR.text(planted.text)[1], rule)
    assert all(about(REDACTOR, rule)) or rule == names.RULE
    assert planted.secret[8:] not in told.because
    assert 0 <= told.begin <= told.end_exclusive <= max(place.start, told.begin + 40)


@given(TEXTS)
def test_explained_is_redacted(text: str) -> None:
    """A place that is told by a rule is taken out by that rule, and without a place nothing is taken out."""
    places = REDACTOR.places(text)
    clean, hits = REDACTOR.text(text)
    assert [place.rule for place in places] == hits[: len(places)]
    assert bool(places) == (clean != text)
    assert [reason(REDACTOR, text, place).rule for place in places] == [place.rule for place in places]


@given(TEXTS)
def test_a_near_miss_is_not_redacted(text: str) -> None:
    """What is told of a line in which nothing is found changes nothing, and names no rule as the one that redacts."""
    for line in text.split("\n"):
        if not REDACTOR.places(line):
            assert REDACTOR.text(line) == (line, [])
            assert all(miss.rule is None for miss in near_misses(REDACTOR, line))


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("max_tokens=4096", "`max` decides"),
        ("next_page_token=abcdef1234", "`next` and `page` decide"),
        ("password_hash=abcdef1234", "`hash` decides"),
        ("tokens=123456", "no whole word"),
        ("password=***", "only stands for a value"),
        ("db_password: ${DB_PASSWORD}", "only stands for a value"),
        ("password: [REDACTED:named-secret]", "only stands for a value"),
        ("token = get_token(request)", "word of a program"),
        ("ghp_tooshort1234567", "not its length"),
    ],
)
def test_why_not(line: str, part: str) -> None:
    """The word that decides, the value that is none, the token that only begins."""
    assert REDACTOR.text(line) == (line, [])
    assert any(part in miss.because for miss in near_misses(REDACTOR, line)), [
        miss.because for miss in near_misses(REDACTOR, line)
    ]


def test_a_wrong_checksum_is_told() -> None:
    """Glued to other letters, a token with one other character is not redacted, and the checksum is the reason."""
    token = secrets(3)["github-token"][0].secret
    line = f"xkey{token[:-1]}{'a' if token[-1] != 'a' else 'b'} end"
    (miss,) = near_misses(REDACTOR, line)
    assert REDACTOR.text(line)[1] == []
    assert "checksum is wrong" in miss.because
    assert (miss.begin, miss.end_exclusive) == (4, 4)


def test_the_name_is_shown_and_not_the_value() -> None:
    """`DB_PASSWORD` in its columns; the value in neither the reason nor between its columns."""
    text = "x DB_PASSWORD=hunter2horse"
    (place,) = REDACTOR.places(text)
    told = reason(REDACTOR, text, place)
    assert text[told.begin : told.end_exclusive] == "DB_PASSWORD"
    assert "hunter2horse" not in told.because


def test_a_name_that_holds_a_secret_is_shown_redacted() -> None:
    """A declared value within a name is not told as a part of the name."""
    redactor = Redactor({"zebra77": "declared"})
    told = [miss.because for miss in near_misses(redactor, "zebra77_password=***")]
    assert told
    assert not any("zebra77" in text for text in told)


def test_every_rule_says_what_it_is() -> None:
    """What is shown beside a finding is known for each rule, and for those without a shape."""
    assert all(about(REDACTOR, rule.id) == (rule.about, rule.source) for rule in RULES)
    assert all(about(REDACTOR, name)[0] for name in ("declared", "environment", names.RULE))
