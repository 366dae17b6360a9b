"""The documentation and the program say the same: commands, options, codes, settings, names, and what JSON holds."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from tools import rules_index

import runstone
from runstone.adapters.system import NOT_SECRET_NAMES, SECRET_WORDS
from runstone.cli import main
from runstone.cli.app import VERBS, app
from runstone.cli.options import OPTIONS
from runstone.core.redaction.rules import RULES
from runstone.core.redaction.ruleset import local_ruleset
from runstone.core.retention import policy_of_file
from runstone.errors import CODES
from runstone.locate import CONTRACTS, __version__

from .pages import ROOT, codes, first_codes, rows, sections, text_of
from .settings_read import settings_read

COMMANDS = [verb for verbs in VERBS.values() for verb in verbs]

# the command


def verb(name: str) -> tuple[click.Command, click.Context]:
    context = click.Context(app, info_name="runstone", **app.context_settings)
    command = app.get_command(context, name)
    assert command is not None
    return command, click.Context(command, info_name=name, parent=context)


def spelled(option: click.Option, context: click.Context) -> str:
    """An option as a row's first column spells it: each flag in backticks, the longest with its value's name."""
    value = "" if option.is_flag else " " + option.make_metavar(context)
    flags = sorted(option.opts, key=len)
    return " ".join(f"`{flag}`" for flag in [*flags[:-1], flags[-1] + value])


def test_every_command_has_its_section() -> None:
    """The page has a section a verb, in the order of the overview, and no other."""
    assert list(sections("docs/command.md")) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_usage_and_options_are_the_programs(name: str) -> None:
    """A section begins with the line of use that `--help` prints, and its table has exactly the verb's options."""
    section = sections("docs/command.md")[name]
    command, context = verb(name)
    assert section.strip().splitlines()[0].strip() == context.get_usage().removeprefix("Usage: ")
    expected = [spelled(option, context) for option in command.params if isinstance(option, click.Option)]
    assert [cells[0] for cells in rows(section) if cells[0].startswith("`-")] == expected


def test_options_of_run_are_those_that_it_parses() -> None:
    """The section of `run` has the flags of the table by which the wrapper parses."""
    documented = {
        code.split(" ")[0] for code in first_codes(sections("docs/command.md")["run"]) if code.startswith("-")
    }
    assert documented == {flag for option in OPTIONS for flag in option.flags}


def test_exit_statuses_are_those_of_the_codes() -> None:
    """Every status that a code gives stands in the table of statuses."""
    head = text_of("docs/command.md").partition("\n## ")[0]
    documented = {number for cells in rows(head) for number in cells[0].split(", ")}
    assert documented >= {str(code.exit_status) for code in CODES.values()} | {"0"}


# what JSON holds


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Verb → one of the JSON objects that it prints."""
    monkeypatch.chdir(tmp_path)

    def lines(*words: str) -> str:
        capfd.readouterr()
        main([*words, "--json"])
        return capfd.readouterr().out

    left = runstone.open().run("left")
    recovered = json.loads(lines("recover", "--force"))[0]
    with pytest.raises(runstone.Conflict):
        left.finish()
    assert main(["run", "--run-id", "wrapped", "--", "echo", "hello"]) == 0
    exported = json.loads(lines("export", "wrapped", "--as", "tar", "-o", "wrapped.tar"))
    return {
        "recover": recovered,
        "export": exported,
        "logs": json.loads(lines("logs", "wrapped").splitlines()[0]),
        "ls": json.loads(lines("ls"))[0],
        "find": json.loads(lines("find", "wrapped.tar"))[0],
        "reindex": json.loads(lines("reindex")),
        "annotate": json.loads(lines("annotate", "wrapped", "--note", "seen")),
        "purge": json.loads(lines("purge")),
        "pack": json.loads(lines("pack", "id:nothing")),
        "unpack": json.loads(lines("unpack", "id:nothing")),
        "get": json.loads(lines("get", "wrapped", "-o", "copy"))[0],
        "import": json.loads(lines("import", "wrapped.tar", "--store", "other"))[0],
        "show": json.loads(lines("show", "wrapped")),
        "contract": json.loads(lines("contract", "ovc", "wrapped")),
        "audit": json.loads(lines("audit", "wrapped")),
        "replay": json.loads(lines("replay", "wrapped")),
        "diff": json.loads(lines("diff", "wrapped", "wrapped")),
        "judge": json.loads(lines("judge", "wrapped", "--baseline", "wrapped", "--require-same", "outcome")),
        "verify": json.loads(lines("verify", "wrapped")),
        "redact": json.loads(lines("redact", "--check", "wrapped.tar")),
        "doctor": json.loads(lines("doctor")),
    }


def test_json_has_the_members_that_are_documented(answers: dict[str, Any]) -> None:
    """The paragraph that begins with `JSON` names every member of what a verb prints, and no other."""
    documented = {
        name: set(codes(paragraph))
        for name, section in sections("docs/command.md").items()
        for paragraph in section.split("\n\n")
        if paragraph.startswith("JSON")
    }
    assert documented == {name: set(answer) for name, answer in answers.items()}


# errors


def test_every_code_is_documented_as_it_is_answered() -> None:
    """`docs/errors.md` has each code under its class, with its statuses, its meaning, and something to do."""
    entries = [
        (owner, code, body.strip().splitlines())
        for owner, text in sections("docs/errors.md").items()
        for code, body in zip(*[iter(re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:])] * 2, strict=True)
    ]
    assert [code for _, code, _ in entries] == list(CODES)
    for owner, name, lines in entries:
        code = CODES[name]
        retry = "a retry can help" if code.retryable else "a retry does not help"
        assert owner == code.error.__name__
        assert lines[0] == f"`{owner}` · exit {code.exit_status} · HTTP {code.http_status} · {retry}"
        assert lines[2] == code.meaning
        assert len(lines) > 3, f"{name}: what is to be done?"


# settings


def test_settings_are_those_that_the_source_reads() -> None:
    """`docs/settings.md` has every variable that is looked up somewhere, and no other."""
    documented = first_codes(text_of("docs/settings.md"))
    assert sorted(documented) == sorted(settings_read())


def test_names_that_say_secret_are_the_adapters() -> None:
    """The words that make a variable's value a secret, and the exceptions, are the adapter's."""
    text = sections("docs/settings.md")["Secrets"]
    words, _, exceptions = text.partition("except")
    assert set(codes(words)) - {"environment", "_", "-"} == SECRET_WORDS
    assert {code for code in codes(exceptions) if code.isupper()} == NOT_SECRET_NAMES


def test_the_settings_file_that_is_shown_is_taken() -> None:
    """Each rule and exemption of the page proves itself."""
    (shown,) = re.findall(r"```toml\n(.*?)```", text_of("docs/secrets.md"), re.DOTALL)
    local = local_ruleset(shown.encode(), "docs/secrets.md").local
    assert local is not None
    assert (len(local.rules), len(local.exemptions), local.pseudonyms) == (1, 2, True)


def test_the_policy_that_is_shown_is_taken() -> None:
    """Rules, holds and grace of the page."""
    (shown,) = re.findall(r"```toml\n(.*?)```", text_of("docs/retention.md"), re.DOTALL)
    policy = policy_of_file(shown.encode(), "docs/retention.md", 0)
    assert (len(policy.rules), len(policy.holds), policy.grace_s) == (2, 1, 7 * 86_400)


# public names


def bare(function: Any, *, method: bool = False) -> str:
    """A signature without annotations, without `self`."""
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=parameters[method:], return_annotation=signature.empty))


def members(owner: type) -> Iterator[str]:
    """The public methods (with signature) and properties of a class."""
    ours = [kind for kind in owner.__mro__ if kind.__module__.startswith("runstone")]
    for name, value in {name: value for kind in reversed(ours) for name, value in vars(kind).items()}.items():
        if not name.startswith("_"):
            yield name + bare(value, method=True) if inspect.isfunction(value) else name


def attributes(owner: type) -> set[str]:
    """The public attributes that a class gives its objects when they are made."""
    assigned = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(inspect.getattr_static(owner, "__init__")))))
    return {
        node.attr
        for node in assigned
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and not node.attr.startswith("_")
    }


def test_public_names_are_documented() -> None:
    """The first table of `docs/library.md` has the names of `runstone.__all__`, functions with their signatures."""
    head = text_of("docs/library.md").partition("\n## ")[0]
    expected = {
        name + bare(getattr(runstone, name)) if inspect.isfunction(getattr(runstone, name)) else name
        for name in runstone.__all__
    }
    assert set(first_codes(head)) == expected
    assert len(list(rows(head))) == len(expected)


CLASSES = ["Store", "Run", "Sealed", "Report", "Finding", "Comparison", "Difference", "Verdict", "RunstoneError"]


@pytest.mark.parametrize("name", CLASSES)
def test_methods_and_attributes_are_documented(name: str) -> None:
    """A class's table has its public methods with their signatures and its properties; its text has its attributes."""
    section, owner = sections("docs/library.md")[name], getattr(runstone, name)
    expected = set(members(owner))
    assert set(first_codes(section)) == expected
    assert attributes(owner) <= set(codes(section)) | expected


# other claims


def test_changelog_has_this_version() -> None:
    """The newest section is that of the version in the source."""
    assert re.findall(r"^## \[(.+?)\]", text_of("CHANGELOG.md"), re.MULTILINE)[0] == __version__


def test_a_word_has_one_line() -> None:
    """Nobody has to ask which of two lines of the glossary holds."""
    words = [word for cells in rows(text_of("GLOSSARY.md")) for word in cells[0].split(", ")]
    assert len(words) > 80
    assert [word for word in words if words.count(word) > 1] == []


def test_readme_counts_the_rules() -> None:
    """The number of token shapes is that of the rules."""
    assert 350 < len(RULES) < 400, "README.md and CHANGELOG.md say more than 350"
    assert all("more than 350 kinds" in text_of(name) for name in ("README.md", "CHANGELOG.md"))


def test_every_rule_is_listed() -> None:
    """With what it is, and where the form is told; the page is made of the rules: `python tools/rules_index.py`."""
    page = text_of("docs/secrets.md")
    assert all(rules_index.row_of(rule) in page for rule in RULES)
    assert page.count("\n| `") == len(RULES)


def test_contracts_are_named() -> None:
    """The page of the command names every contract and version."""
    named = {f"{name}/{version}" for name, versions in CONTRACTS.items() for version in versions}
    assert named <= set(codes(sections("docs/command.md")["contract"]))


def test_decisions_are_listed_and_have_three_parts() -> None:
    """Every record is in the list, and says context, decision and consequences."""
    records = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    listed = re.findall(r"\((0[^)]+\.md)\)", text_of("docs/adr/README.md"))
    assert listed == [path.name for path in records]
    for path in records:
        found = re.findall(r"^\*\*(\w+)\.\*\*", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert found == ["Context", "Decision", "Consequences"], path.name
