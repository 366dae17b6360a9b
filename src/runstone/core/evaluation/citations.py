"""What was retrieved, and what was cited of it. Ids are compared as recorded."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.core.journal import Journal

CHECK_ID: Final = "citations_retrieved"
CHECK_NAME: Final = "Citations were retrieved"


class Citations:
    """The ids of a run's passages and citations, each once, in the order of the first mention."""

    def __init__(self) -> None:
        self._retrieved: dict[str, None] = {}
        self._cited: dict[str, None] = {}

    def evidence(self, data: Mapping[str, Any]) -> None:
        """Take in an `evidence` event."""
        for passage in data["passages"]:
            if isinstance(passage, dict) and isinstance(passage.get("id"), str):
                self._retrieved[passage["id"]] = None

    def citation(self, data: Mapping[str, Any]) -> None:
        """Take in a `citation` event."""
        self._cited.update(dict.fromkeys(data["ids"]))

    @property
    def cited(self) -> list[str]:
        """All that was cited."""
        return list(self._cited)

    @property
    def not_retrieved(self) -> list[str]:
        """What was cited and is no passage that was retrieved, before or afterwards."""
        return [name for name in self._cited if name not in self._retrieved]

    @property
    def not_used(self) -> list[str]:
        """What was retrieved and never cited."""
        return [name for name in self._retrieved if name not in self._cited]


def citations_of(journal: Journal) -> Citations:
    """Those of a run."""
    found = Citations()
    for data in journal.data("evidence"):
        found.evidence(data)
    for data in journal.data("citation"):
        found.citation(data)
    return found
