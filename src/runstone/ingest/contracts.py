"""Contracts of the tools of a framework, which knows tools by their names."""

from __future__ import annotations

from runstone.core.tools.contract import ToolContract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from runstone.engine.recorder import Run


def contracts_by_name(contracts: Iterable[ToolContract | Mapping[str, Any]]) -> dict[str, ToolContract]:
    """Contracts by the name of the tool. Raises `invalid_tool_contract`."""
    found = [ToolContract.of(contract) for contract in contracts]
    return {contract.name: contract for contract in found}


def take_out(run: Run, contracts: Mapping[str, ToolContract]) -> bool:
    """Whether one of these, or of those that the run knows, takes something out of arguments or results."""
    known = [*contracts.values(), *(ready.contract for ready in list(run.calls.known.values()))]
    return any(contract.data.get("handling") for contract in known)
