"""What started a run: GitHub Actions, a person at a command line, or a worker that says so itself."""

from __future__ import annotations

from runstone.contracts.ovc.layout import DEFAULT_STORE
from runstone.errors import error, excerpt
from runstone.locate import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.ports.host import Host

TRIGGER_TYPES: Final = ("github_schedule", "github_dispatch", "local_cli", "worker_http", "worker_cron")


def detect_trigger() -> tuple[str, str, str]:
    """`(trigger_type, trigger_source, actor)` of this process, from its environment as it is now."""
    return _detected(open_store(DEFAULT_STORE).host)  # opening a store writes nothing; its host is this machine


def trigger_of(host: Host, kind: str | None, source: str | None, actor: str | None) -> dict[str, str]:
    """`type`, `source` and `actor`, detected where they are not given. Raises `invalid_option`."""
    found = _detected(host)
    kind = found[0] if kind is None else str(kind)
    if kind not in TRIGGER_TYPES:
        message = f"{excerpt(kind, 40)!r} is not a trigger type; use one of {', '.join(TRIGGER_TYPES)}"
        raise error("invalid_option", message, option="trigger_type", expected=list(TRIGGER_TYPES))
    return {
        "type": kind,
        "source": found[1] if source is None else str(source),
        "actor": found[2] if actor is None else str(actor),
    }


def _detected(host: Host) -> tuple[str, str, str]:
    if host.setting("GITHUB_ACTIONS") != "true":
        return "local_cli", "cli", host.user()
    event = host.setting("GITHUB_EVENT_NAME") or "unknown"
    workflow = host.setting("GITHUB_WORKFLOW") or "unknown"
    kind = "github_schedule" if event == "schedule" else "github_dispatch"
    return kind, f"workflow:{workflow}:{event}", host.setting("GITHUB_ACTOR") or "unknown"
