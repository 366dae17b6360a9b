"""Before a run is closed: does the evidence of its checks lead somewhere?

A sealed reference that leads nowhere is a fault for ever. A run that says so itself, by a failed check, is whole: its
status follows from its checks, and verification finds a note.

- What is found is what verification would find: the same fold over the journal as it stands.
- Runs whose checks name no reference pay nothing: the recorder has looked at the texts that it was given.
- Nothing is recorded here, but by `check_evidence`.
"""

from __future__ import annotations

from runstone.core.evidence import RESOLVES, Evidence
from runstone.core.runlog import log_pieces
from runstone.engine.facts import LOST
from runstone.engine.so_far import journal_so_far
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.core.contract import Contract
    from runstone.core.journal import Journal
    from runstone.engine.recorder import Run
    from runstone.engine.writer import JournalWriter

NAME: Final = "Evidence resolves"
LOG: Final = "run.log"


def unresolved(
    writer: JournalWriter, contract: Contract, closed: Mapping[str, Any]
) -> tuple[list[tuple[str, str]], int]:
    """(check id, reference) of each reference that would lead nowhere, were the run sealed now with `closed`.

    `closed` are the data that `run.closed` would have. Beside them how many lines the contract sets before the first
    that the run logged. Empty for a run without a journal. Raises `RunstoneError` where the journal cannot be read, or
    not be folded as it stands.
    """
    whole = journal_so_far(writer, closed)
    if whole is None:
        return [], 0
    kept = {data["path"] for data in whole.data("input", "output") if data["path"] is not None}
    found = list(Evidence(contract, whole, kept).unresolved())
    return found, _head_lines(contract, whole) if found else 0


def _head_lines(contract: Contract, journal: Journal) -> int:
    """How many lines a contract's log has before the first logged one: `Run.log` does not count them."""
    documents = {document.path: document for document in contract.documents(journal)}
    if LOG not in documents:
        return 0
    made, logged = documents[LOG].pieces(), log_pieces(journal)
    return sum(piece.count(b"\n") for piece in made) - sum(piece.count(b"\n") for piece in logged)


def check_evidence(run: Run, contract: Contract, closed: Mapping[str, Any]) -> bool:
    """Record the failed check `evidence_resolves` where references of `run` lead nowhere; answers whether it did.

    To be called while the run still takes facts. A journal that cannot be read or folded now is left to the seal.
    """
    try:
        found, head = unresolved(run.writer, contract, closed)
    except (RunstoneError, AttributeError, LookupError, TypeError, ValueError):
        return False
    if found:
        lines = [run.log(f"evidence of check {check} leads nowhere: {text}", "warning") for check, text in found]
        run.check(NAME, "fail", [_behind(head, line) for line in lines], id=RESOLVES)
    return bool(found)


def _behind(head: int, line: str) -> str:
    """The reference to a line of the log as the contract's document has it; a lost one stays lost."""
    return line if line == LOST else f"{LOG}:line:{int(line.rpartition(':')[2]) + head}"
