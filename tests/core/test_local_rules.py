"""`runstone.toml`: rules and exemptions of one's own, which prove themselves when they are read."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes
from runstone.core.redaction.effort import MAX_WAYS, ways
from runstone.core.redaction.names import RULE as NAMED
from runstone.core.redaction.redactor import DECLARED, Redactor
from runstone.core.redaction.required import has_long_repeat, required_literals
from runstone.core.redaction.rule import Rule
from runstone.core.redaction.rules import RULES
from runstone.core.redaction.ruleset import DEFAULT, Ruleset, local_ruleset
from runstone.core.values import coerce
from runstone.errors import InvalidInput

from .planted import checked, drawn

TOKEN = "acme_" + drawn(Random(1), "0123456789abcdef", 32)
GITHUB = "ghp_" + checked(Random(2))
RULE = """
[[redaction.rules]]
id = "acme-token"
about = "token of the deploy robot"
pattern = 'acme_[0-9a-f]{32}'
example = "acme_00112233445566778899aabbccddeeff"
counter = "acme_deploy"
"""


def rules(text: str) -> Ruleset:
    return local_ruleset(text.encode(), "runstone.toml")


def problem(text: str | bytes) -> InvalidInput:
    """The error of a file that is refused."""
    with pytest.raises(InvalidInput) as caught:
        local_ruleset(text if isinstance(text, bytes) else text.encode(), "runstone.toml")
    assert caught.value.code == "invalid_settings"
    assert caught.value.details["path"] == "runstone.toml"
    return caught.value


# rules


def test_a_rule_of_ones_own_takes_its_token() -> None:
    """By both gates, beside the rules that come along; in any case of letters only what the pattern says."""
    redactor = Redactor(ruleset=rules(RULE))
    assert redactor.text(f"x {TOKEN} {GITHUB}") == (
        "x [REDACTED:acme-token] [REDACTED:github-token]",
        ["acme-token", "github-token"],
    )
    line = canonical_bytes({"a": f"x {TOKEN}"})
    assert redactor.gate.looks(line)
    redactor.gate.warm()
    assert redactor.gate.hit(line)
    assert not redactor.gate.hit(canonical_bytes({"a": "acme_deploy"}))
    assert redactor.text(TOKEN.upper()) == (TOKEN.upper(), [])


def test_the_digest_tells_what_decides() -> None:
    """Not the words about a rule; without a rule the set is the one that everybody has."""
    first = rules(RULE)
    assert first.sha256 != DEFAULT.sha256
    assert first.as_dict()["name"] == "runstone+local"
    assert rules(RULE.replace("deploy robot", "robot")).sha256 == first.sha256
    assert rules(RULE.replace("{32}", "{31}")).sha256 != first.sha256
    assert rules("") is DEFAULT
    assert rules("[redaction]\npseudonyms = false\n") is DEFAULT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("acme_[0-9a-f]{32}'", "acme_[0-9a-f]+'"), "without a bound"),
        (("acme_[0-9a-f]{32}'", "acme_(?:[0-9a-f]*x){1,3}'"), "without a bound"),
        (("acme_[0-9a-f]{32}'", "(?:a{1,200}){1,200}cme_[0-9a-f]{32}'"), "1,000 ways"),
        (("acme_[0-9a-f]{32}'", "(?:(?:a|[a-z]){0,9}){1,9}acme_[0-9a-f]{32}'"), "1,000 ways"),
        (("acme_[0-9a-f]{32}'", "a{1,4096}a{0,4096}cme_[0-9a-f]{32}'"), "1,000 ways"),
        (("acme_[0-9a-f]{32}'", "[a-z]{4}_[0-9a-f]{32}'"), "literal part"),
        (("acme_[0-9a-f]{32}'", "acme_[0-9a-f]{32'"), "own example"),
        (("acme_[0-9a-f]{32}'", "acme_[0-9a-f'"), "no regular expression"),
        (("acme_[0-9a-f]{32}'", "(?i)acme_[0-9a-f]{32}'"), "flags for all"),
        (("acme_[0-9a-f]{32}'", "(a)cme_[0-9a-f]{31}\\1'"), "looks back"),
        (("acme_[0-9a-f]{32}'", "(?:acme_)?'"), "matches nothing"),
        (("acme_deploy", TOKEN), "own counter"),
        (("acme-token", "github-token"), "another rule"),
        (("acme-token", "declared"), "another rule"),
        (("acme-token", "named-secret"), "another rule"),
        (("acme-token", "tool-mask"), "another rule"),
        (("acme-token", "ACME token"), "lower-case words"),
        (("acme-token", "a" * 65), "lower-case words"),
        (("about = ", "abuot = "), "no setting 'abuot'"),
        (('about = "token of the deploy robot"', ""), "needs 'about'"),
        (('about = "token of the deploy robot"', "about = 3"), "no text"),
        (("[[redaction.rules]]", "[redaction.rules]"), "[[redaction.rules]]"),
        (("[[redaction.rules]]", "[[redactoin.rules]]"), "no setting 'redactoin'"),
        (("[[redaction.rules]]", "[[redaction.rules"), "line 2"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(change: tuple[str, str], said: str) -> None:
    """The message names the table and what is wrong there."""
    assert change[0] in RULE
    assert said in problem(RULE.replace(*change)).message


def test_two_rules_of_one_id_are_refused() -> None:
    """The second is named by its place."""
    found = problem(RULE + RULE)
    assert found.details["table"] == "redaction.rules[1]"


def test_bytes_that_are_no_text_are_refused() -> None:
    """And so is what is nested without an end."""
    problem(b"\xff")
    assert "redaction is a number" in problem("redaction = 3").message
    problem("a = " + "[" * 100_000)


# exemptions


def exemption(rule: str, *lines: str) -> str:
    head = ["[[redaction.exemptions]]", f'rule = "{rule}"', 'reason = "published"']
    return "\n".join([*head, *lines]) + "\n"


def test_an_exemption_by_pattern_leaves_what_matches_it_whole() -> None:
    """Another token of the same kind still goes, and so does one that only begins so."""
    sample = f"acme_{'0a1b2c3d' * 4}"
    settings_text = RULE + exemption("acme-token", "pattern = 'acme_0a1b.*'", f'example = "{sample}"')
    redactor = Redactor(ruleset=rules(settings_text))
    assert redactor.text(f"{sample} {TOKEN}")[0] == f"{sample} [REDACTED:acme-token]"
    narrow = RULE + exemption("acme-token", f"pattern = '{sample}'", f'example = "{sample}"')
    assert Redactor(ruleset=rules(narrow)).text(f"{sample[:-1]}e")[1] == ["acme-token"]


def test_an_exemption_without_a_pattern_switches_a_rule_off() -> None:
    """Only that rule."""
    redactor = Redactor(ruleset=rules(exemption("github-token")))
    assert redactor.text(f"see {GITHUB} pwd={TOKEN}")[0] == f"see {GITHUB} pwd=[REDACTED:named-secret]"


@pytest.mark.parametrize(
    "value",
    [
        {"build_token": "x1-hello-9"},
        "build_token=x1-hello-9",
        ["--build-token", "x1-hello-9"],
        {"name": "BUILD_TOKEN", "value": "x1-hello-9"},
    ],
)
def test_a_name_can_be_exempted(value: object) -> None:
    """As a member, in text, as an option, beside `value`, in any case; another name still says secret."""
    text = exemption(NAMED, 'names = ["build_token", "build-token"]', 'example = "build_token=abc-1-def"')
    for redactor, is_left in ((Redactor(ruleset=rules(text)), True), (Redactor(), False)):
        tree, marks = coerce([value, {"api_token": "x2-hello-9"}])
        clean = redactor.tree(tree, marks)
        assert (clean[0] == value) is is_left
        assert clean[1] == {"api_token": "[REDACTED:named-secret]"}


@pytest.mark.parametrize("value", [{"db_password": 83920174}, {"name": "DB_PASSWORD", "value": 83920174}])
def test_a_number_is_exempted_as_its_text_is(value: dict[str, object]) -> None:
    """Under a name that means nothing but a password; another one goes."""
    redactor = Redactor(ruleset=rules(exemption(NAMED, 'names = ["db_password"]', 'example = "db_password=abc-1-def"')))
    assert redactor.tree({**value, "other_password": 83920174}, []) == {
        **value,
        "other_password": f"[REDACTED:{NAMED}]",
    }


def test_a_declared_value_is_never_exempt() -> None:
    """What a caller declares goes, whatever a file says."""
    assert "declared values" in problem(exemption("declared")).message
    redactor = Redactor({GITHUB: DECLARED}, rules(exemption("github-token")))
    assert redactor.text(GITHUB)[0] == "[REDACTED:declared]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (exemption("no-such-rule"), "not there"),
        (exemption("github-token", "pattern = 'ghp_.*'"), "needs 'example'"),
        (exemption("github-token", "pattern = 'ghp_.*'", 'example = "ghp_short"'), "finds nothing"),
        (exemption("github-token", "pattern = 'ghp_A'", f'example = "{GITHUB}"'), "own example"),
        (exemption("github-token", "pattern = '('", f'example = "{GITHUB}"'), "no regular expression"),
        (exemption("github-token", 'names = ["x"]'), "goes by names"),
        (exemption(NAMED, 'names = ["a_token"]', 'example = "b_token=abc-1-def"'), "own example"),
        (exemption(NAMED, 'names = "a_token"'), "no list of texts"),
        (exemption(NAMED).replace('reason = "published"', ""), "needs 'reason'"),
    ],
)
def test_an_exemption_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    """It must leave its own example, which its rule must take."""
    assert said in problem(text).message


# pseudonyms


def test_a_pseudonym_tells_equal_values_and_nothing_else() -> None:
    """The same for the same value and key wherever it stands; another for another value or key."""
    first, second = (Redactor(pseudonym_key=bytes([number]) * 32) for number in (1, 2))
    text, hits = first.text(f"a={GITHUB} {GITHUB}, pwd={TOKEN}")
    marks = re.findall(r"\[REDACTED:[a-z-]+:([0-9a-f]{12})\]", text)
    assert marks[0] == marks[1] != marks[2]
    assert hits == ["github-token", "github-token", NAMED]
    assert first.text(text) == (text, [])
    assert second.text(GITHUB)[0] != first.text(GITHUB)[0]
    tree, found = coerce({"token": GITHUB, "pin": TOKEN, "password": TOKEN})
    clean = first.tree(tree, found)
    assert clean["token"] == f"[REDACTED:github-token:{marks[0]}]"
    assert clean["password"] == f"[REDACTED:named-secret:{marks[2]}]"
    assert sorted(found) == [["/password", "redacted:named-secret"], ["/token", "redacted:github-token"]]


# what every match holds


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@settings(max_examples=5)
@given(data=st.data())
def test_a_required_literal_is_in_every_match(rule: Rule, data: st.DataObject) -> None:
    """Whatever the pattern: so no text without one need be looked at."""
    literals = required_literals(rule.pattern)
    if literals:
        text = data.draw(st.from_regex(re.compile(rule.pattern, re.ASCII), alphabet=st.characters(codec="ascii")))
        assert any(literal in text.lower() for literal in literals)


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"acme_[a-z]{3}", ("acme_",)),
        (r"(?i:FOO|barbaz)_[a-z]", ("barbaz", "foo")),
        (r"(?P<secret>x(?:long){2})w", ("long",)),
        (r"(?:abc|)def", ("def",)),
        (r"(?:abc){0,3}[a-z]", ()),
        (r"ab[a-z]cd", ()),
        (r"(?=abcdef)[a-z]{9}", ()),
    ],
)
def test_required_literals(pattern: str, literals: tuple[str, ...]) -> None:
    """The best of those that stand in every match; what may be missing does not count."""
    assert required_literals(pattern) == literals


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("acme_[0-9a-f]{32}", 1),
        ("acme_[a-z]{1,20}-[0-9a-f]{32,64}(?:-[a-z]{1,10}){1,5}", 1),
        ("(?:[B-Z]{1,20}_){1,10}acme", 1),
        ("[a-z]{1,200}acme", 200),
        ("(?:[a-z]{1,20}_){1,10}acme", 10),
        ("acme(?:[a-z]{1,9}[0-9]{1,9}){1,9}(?![a-z0-9])", 81),
        ("acme(?>[a-z]{1,9}){1,9}x", 9),
        ("a{1,30}(?:b?|c)a{1,30}x", 30),
        ("(?:a{1,200}){1,200}acme", MAX_WAYS + 1),
        ("(?:(?:a{1,3}){1,3}){1,9}acme", MAX_WAYS + 1),
        ("(?:a{0,3}b{0,3}){1,50}acme", MAX_WAYS + 1),
        ("(?:a?){30}a{30}acme", MAX_WAYS + 1),
        ("(?:[a-c]d|[c-e]d){1,30}acme", MAX_WAYS + 1),
        ("(?i:a{1,99})A{1,200}acme", MAX_WAYS + 1),
        (r"\w{1,4000}\d{1,200}acme", MAX_WAYS + 1),
    ],
)
def test_how_often_a_pattern_is_tried(pattern: str, number: int) -> None:
    """A repeat counts once where its next character decides."""
    assert ways(pattern) == number


@pytest.mark.parametrize(
    "pattern", ["a+", "a*", "a{3,}", "(?:a{2}b{1,9999}){2}", "x|(?:y|z+)", "(?=a*)b", "(?>a+)", "a*?"]
)
def test_a_long_repeat_is_seen_wherever_it_stands(pattern: str) -> None:
    """In groups, branches, looks."""
    assert has_long_repeat(pattern)
    assert not has_long_repeat("a{1,9}(?:b{2}|c?)(?=d{3})(?>e{1,4096})")
