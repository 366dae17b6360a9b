"""Deterministic mode of a wrapped command: variables of its environment that take chance out of what it does.

They are set for the command alone, recorded as an `environment` event, and set again by a replay. What a program takes
from the clock or from the kernel on its own is not changed: it asks its run (`engine.drawn`), or has its own generators
seeded (`runstone.seed`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.engine.recorder import Run

ENVIRONMENT: Final = "environment"
DEFAULT_SEED: Final = "0"


def variables(seed: str = DEFAULT_SEED) -> dict[str, str]:
    """What is set: the order of Python's sets, the locale, the time zone, and the seed that programs ask for."""
    return {
        "LANG": "C.UTF-8",
        "LANGUAGE": "C",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "RUNSTONE_SEED": seed,
        "TZ": "UTC",
    }


def tell(run: Run, chosen: Mapping[str, str]) -> None:
    """Record what is set for a command, before it starts."""
    run.writer.record(ENVIRONMENT, {"variables": dict(chosen)})


def told(events: Any) -> dict[str, str]:
    """What the `environment` events of a run have set, the last of a variable."""
    found: dict[str, str] = {}
    for event in events:
        found |= event["data"]["variables"]
    return found
