"""An open run in a few words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runstone.core.events import Event


class OpenSummary:
    """An open run as a list shows it."""

    __slots__ = ("alive", "opened", "run_id")

    def __init__(self, run_id: str, opened: Event | None, *, alive: bool) -> None:
        self.run_id = run_id
        self.opened = opened
        self.alive = alive

    def row(self) -> dict[str, Any]:
        """One row; the status of a run whose process died is what recovery will make of it."""
        from runstone.core.card import CardMaker, row_of

        maker = CardMaker()
        if self.opened is not None:
            maker.add(self.opened)
        return row_of(maker.open(self.run_id, alive=self.alive))
