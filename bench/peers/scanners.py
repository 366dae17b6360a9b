"""How each contender of the row `redaction` is asked to look for secrets.

A scanner is loaded with everything that it compiles, then looks at an event's line, at a piece of clean text, and at a
file. Peers are given their own calls and their default rules and settings; `mapping` says which calls.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from bench.secrets_text import KINDS

Reported = set[tuple[int, str]]
"""Number of a line from 0, and a text in it that is said to be a secret."""


class Scanner(ABC):
    """Looks for secrets. `look` takes bytes, or text where `takes_text`."""

    takes_text: ClassVar[bool] = True
    mapping: ClassVar[str] = ""
    """What it is asked to do, in words."""
    look_line: Callable[[Any], Any]
    """Looks at one line, as of an event."""
    look_text: Callable[[Any], Any]
    """Looks at a piece of a file, whole lines."""

    @abstractmethod
    def find(self, path: Path) -> Any:
        """Look for all secrets of a file of lines."""

    @abstractmethod
    def reported(self, found: Any, lines: Sequence[str]) -> Reported:
        """What `find` answered, in the form of this row; not timed."""


class Gate(Scanner):
    """Runstone's gate, and behind it the redactor on lines that hit."""

    mapping = "the gate; what it stops goes to the redactor"
    takes_text = False

    def __init__(self) -> None:
        from runstone.core.redaction.redactor import Redactor

        self._redactor = Redactor()
        gate, scanner = self._redactor.gate, self._redactor.gate.scanner()
        gate.warm()
        scanner.warm()
        self._scanner = scanner
        self.look_line, self.look_text = gate.hit, scanner.hit

    def find(self, path: Path) -> Any:
        hit, redact = self.look_line, self._redactor.text
        with path.open("rb") as file:
            found = [(number, redact(line.decode())) for number, line in enumerate(file) if hit(line)]
        return [(number, text) for number, (text, hits) in found if hits]

    def reported(self, found: Any, lines: Sequence[str]) -> Reported:
        return {(number, taken) for number, text in found for taken in _taken_out(lines[number], text.rstrip("\n"))}


class Loops(Gate):
    """The same as in a short process, or without hyperscan."""

    def __init__(self) -> None:
        super().__init__()
        self.look_line, self.look_text = self._redactor.gate.looks, self._scanner.looks


class OneExpression(Scanner):
    """The floor of the gate: hyperscan, called in the same way, with one expression that nothing matches."""

    takes_text = False

    def __init__(self) -> None:
        import hyperscan

        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(expressions=[b"no such words"], ids=[0], elements=1, flags=[hyperscan.HS_FLAG_SINGLEMATCH])
        scratch, scan, found = hyperscan.Scratch(database), database.scan, list[int]()
        report = found.append

        def hit(data: bytes) -> bool:
            scan(data, report, 0, None, scratch)
            return bool(found)

        self.look_line = self.look_text = hit

    def find(self, path: Path) -> Any:
        raise NotImplementedError

    def reported(self, found: Any, lines: Sequence[str]) -> Reported:
        raise NotImplementedError


class Hash(OneExpression):
    """The floor of a file's bytes: SHA-256, which all that is kept gets anyway."""

    def __init__(self) -> None:
        self.look_line = self.look_text = lambda data: hashlib.sha256(data).digest() == b""


class Patterns(Scanner):
    """The floor of finding: one alternation of just the planted kinds, by hand, line by line."""

    def __init__(self) -> None:
        self._pattern = re.compile("|".join(kind.pattern for kind in KINDS))
        self.look_line = self.look_text = self._pattern.search

    def find(self, path: Path) -> Any:
        find = self._pattern.findall
        with path.open(encoding="utf-8") as file:
            return [(number, texts) for number, line in enumerate(file) if (texts := find(line))]

    def reported(self, found: Any, lines: Sequence[str]) -> Reported:
        return {(number, text) for number, texts in found for text in texts}


class DetectSecrets(Scanner):
    """detect-secrets in its default settings."""

    mapping = "scan_line, all plugins, default filters; files by SecretsCollection.scan_file"

    def __init__(self) -> None:
        from detect_secrets.core.scan import scan_line
        from detect_secrets.settings import default_settings

        self._settings = default_settings()
        self._settings.__enter__()  # until the process ends
        self.look_line = lambda line: list(scan_line(line))
        self.look_text = lambda text: [secret for line in text.splitlines() for secret in scan_line(line)]
        self.look_line("loads its plugins")

    def find(self, path: Path) -> Any:
        from detect_secrets import SecretsCollection

        secrets = SecretsCollection()
        secrets.scan_file(str(path))
        return secrets

    def reported(self, found: Any, lines: Sequence[str]) -> Reported:
        return {(secret.line_number - 1, secret.secret_value) for _file, secret in found if secret.secret_value}


class CredSweeper(Scanner):
    """CredSweeper in its default settings."""

    mapping = "file_scan and post_processing with its model, as its command does"

    def __init__(self) -> None:
        from credsweeper.app import CredSweeper as App
        from credsweeper.file_handler.byte_content_provider import ByteContentProvider
        from credsweeper.file_handler.text_content_provider import TextContentProvider

        self._app, self._file = App(), TextContentProvider
        self.look_line = self.look_text = lambda text: self._scan(ByteContentProvider(text.encode()))
        self.look_line("password = 'aK3xW9qPz7Lm2'  # loads its model")

    def _scan(self, content: Any) -> Any:
        manager = self._app.credential_manager
        manager.clear_credentials()
        manager.set_credentials(self._app.file_scan(content))
        self._app.post_processing(None)
        return manager.get_credentials()

    def find(self, path: Path) -> Any:
        return self._scan(self._file(path))

    def reported(self, found: Any, lines: Sequence[str]) -> Reported:
        parts: Iterable[Any] = (part for candidate in found for part in candidate.line_data_list)
        return {(part.line_num - 1, part.value) for part in parts if part.value}


class Betterleaks(Scanner):
    """Betterleaks, which follows Gitleaks, in its default settings."""

    mapping = "scan_string and scan_file of the binding, default rules"

    def __init__(self) -> None:
        import betterleaks

        self._scan_file = betterleaks.scan_file
        self.look_line = self.look_text = betterleaks.scan_string
        self.look_line("loads its rules")

    def find(self, path: Path) -> Any:
        return self._scan_file(str(path))

    def reported(self, found: Any, lines: Sequence[str]) -> Reported:
        return {(finding.location.start_line - 1, finding.secret) for finding in found}


SCANNERS: dict[str, type[Scanner]] = {
    "floor:search": OneExpression,
    "floor:sha256": Hash,
    "floor:patterns": Patterns,
    "runstone": Gate,
    "runstone:loops": Loops,
    "detect_secrets": DetectSecrets,
    "credsweeper": CredSweeper,
    "betterleaks": Betterleaks,
}


def load_scanner(name: str) -> Scanner:
    """A contender's scanner, ready."""
    return SCANNERS[name]()


def _taken_out(line: str, redacted: str) -> list[str]:
    """What stood in a line where marks stand now."""
    taken, at = [], 0
    for piece in re.split(r"\[REDACTED:[a-z0-9-]+\]", redacted):
        start = line.index(piece, at) if piece else at
        taken.append(line[at:start])
        at = start + len(piece)
    return [text for text in (*taken, line[at:]) if text]
