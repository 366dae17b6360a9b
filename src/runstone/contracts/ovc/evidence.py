"""Evidence of checks: which text is a reference, and which references lead nowhere.

A reference is `run.json:$.path`, `run.log:line:N` or `artifacts/path`, printable and nothing else. All other text
is free.
"""

from __future__ import annotations

from runstone.contracts.ovc import layout
from runstone.core import layout as bundle
from runstone.core.evidence import Evidence, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.core.evidence import Reference
    from runstone.engine.store import Store


def try_reference(text: str) -> Reference | None:
    """The reference that `text` is in an `ovc` document, or `None` for free text."""
    reference = parse_reference(text) if text.isprintable() else None
    if reference is None or reference.file not in (layout.RUN, layout.LOG):
        return reference if text.startswith(bundle.ARTIFACTS + "/") else None
    fits = reference.json_path if reference.file == layout.RUN else reference.line
    return None if fits is None else reference


def unresolved(store: Store, run_id: str) -> list[tuple[str, str]]:
    """(check id, reference) of each reference of an open run that would lead nowhere, were the run sealed now.

    What it answers is what verification would find: the same fold over the journal as it stands.
    """
    from runstone.core.journal import Journal  # seldom needed, and every wrapped command waits for what is loaded
    from runstone.engine.recoverer import Prefix

    left = store.journals.read(run_id)
    found = None if left is None else Prefix(left)
    if found is None or found.opened is None:
        return []
    contract = found.opened["data"]["contract"]
    journal = Journal(found.index, found.read)
    return list(
        Evidence(store.contract_of(contract["name"], contract["version"]), journal, set(found.kept)).unresolved()
    )
