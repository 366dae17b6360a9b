"""What the environment says of a Lotus service: which answers it gives, and where its runs are."""

from __future__ import annotations

import os

from runstone.contracts.lotus.runs import DERIVED_MODE, PERSISTED_MODE, LotusRuns
from runstone.engine.current import says_yes
from runstone.locate import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.engine.store import Store

ENABLED: Final = "DPM_ARTIFACTS_ENABLED"
MODE: Final = "DPM_ARTIFACT_STORE_MODE"
RETENTION: Final = "DPM_SUPPORTABILITY_RETENTION_DAYS"


def artifacts_enabled() -> bool:
    """`DPM_ARTIFACTS_ENABLED`: true unless it says something else than 1, true, yes or on."""
    return says_yes(os.environ.get(ENABLED, "true"))


def store_mode() -> str:
    """`DPM_ARTIFACT_STORE_MODE`: `PERSISTED`; whatever else it says is `DERIVED`."""
    said = os.environ.get(MODE, "").strip().upper()
    return PERSISTED_MODE if said == PERSISTED_MODE else DERIVED_MODE


def retention_days() -> int:
    """`DPM_SUPPORTABILITY_RETENTION_DAYS`, a whole number; without one, or with a wrong one, 0: all are kept."""
    said = os.environ.get(RETENTION, "").strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else 0


def open_runs(store: str | Store | None = None) -> LotusRuns:
    """The runs of a store, or of the one at a path or URL (else of `RUNSTONE_STORE`), as the environment sets them up
    now: a service asks at each request, and keeps the store."""
    opened = open_store(store) if store is None or isinstance(store, str) else store
    return LotusRuns(opened, mode=store_mode(), retention_days=retention_days())
