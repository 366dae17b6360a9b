"""A translator and its critic, both by rule: the same script and the same tables give the same lines, everywhere.

Tables are data (`tables.json`): a glossary of terms, a memory of whole lines, rules for sentences, corrections of an
editor. A rule's `{1|the}` is what its first group says, with an article unless it is a name or a placeholder.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

PLACEHOLDER = re.compile(r"\{\w+\}")
SOURCE_SCRIPT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_SLOT = re.compile(r"\{(\d)(?:\|(\w+))?\}")
_MANY = ("stairs", "gold coins")
_NO_ARTICLE = ("oil", "fish")


class Issue(NamedTuple):
    """What is wrong with a line, and how bad that is."""

    line: str
    category: str
    severity: str
    message: str


class Tables:
    """What the translator knows."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.glossary: dict[str, str] = value["glossary"]
        self.memory: dict[str, str] = value["memory"]
        self.rules = [(re.compile(pattern), template) for pattern, template in value["rules"]]
        self.corrections: dict[str, str] = value["corrections"]
        self.longest: int = value["longest"]

    @classmethod
    def load(cls, path: Path) -> Tables:
        """The tables of a file."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def terms(self, text: str) -> list[str]:
        """The terms of the glossary in a text, longest first, none inside of another."""
        found = []
        for term in sorted(self.glossary, key=lambda one: (-len(one), one)):
            if term in text:
                found.append(term)
                text = text.replace(term, "\0")
        return found

    def translate(self, text: str) -> str:
        """A line in English; what no rule fits stays as it is."""
        if text in self.memory:
            return self.memory[text]
        for pattern, template in self.rules:
            match = pattern.match(text)
            if match is not None:
                made = _SLOT.sub(partial(self._slot, match), template)
                return made[:1].upper() + made[1:]
        return text

    def _slot(self, match: re.Match[str], slot: re.Match[str]) -> str:
        part, form = match[int(slot[1])], slot[2]
        if form == "small":
            inner = self.translate(part)
            return inner[:1].lower() + inner[1:] if not inner.startswith("I ") else inner
        term = self.glossary.get(part, part)
        named = PLACEHOLDER.fullmatch(part) is not None or term[:1].isupper()
        if form is None or named:
            return term
        article = {"the": "the ", "The": "The "}.get(form, "an " if term[0] in "aeiou" else "a ")
        return term if form == "a" and term in (*_MANY, *_NO_ARTICLE) else article + term


def issues_of(line: str, source: str, target: str, tables: Tables) -> list[Issue]:
    """What is wrong with the translation of a line."""
    found = []
    wanted, there = sorted(PLACEHOLDER.findall(source)), sorted(PLACEHOLDER.findall(target))
    if wanted != there:
        message = f"placeholders {', '.join(there) or 'none'} instead of {', '.join(wanted) or 'none'}"
        found.append(Issue(line, "formatting", "critical", message))
    if SOURCE_SCRIPT.search(target) or not target.strip():
        found.append(Issue(line, "other", "critical", "it is not translated"))
        return found
    missing = [term for term in tables.terms(source) if tables.glossary[term].lower() not in target.lower()]
    if missing:
        found.append(Issue(line, "terminology", "major", f"the glossary's word for {', '.join(missing)} is missing"))
    if len(target) > tables.longest:
        found.append(Issue(line, "style", "minor", f"{len(target)} characters; {tables.longest} fit"))
    return found
