"""Tools of LangChain behind a run: what their calls answer is recorded, and a replay can answer them.

A handler among an agent's callbacks is told of a call and cannot leave it out; a tool of this kind can. To the agent it
is the tool that it was made of: name, description, schema of the arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.errors import error
from runstone.extras import Extra
from runstone.ingest.contracts import contracts_by_name

with Extra("langchain"):
    from langchain_core.tools import StructuredTool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from langchain_core.tools import BaseTool

    from runstone.core.tools.contract import ToolContract
    from runstone.engine.recorder import Run


def recorded_tools(
    run: Run, tools: Iterable[BaseTool], contracts: Iterable[ToolContract | Mapping[str, Any]] = ()
) -> list[StructuredTool]:
    """The tools, their calls recorded in a run; to be given to an agent beside `RunstoneHandler(run, tools=False)`.

    `contracts` are theirs, by their names. Raises `invalid_tool_contract`, and `invalid_option` for a tool that answers
    an artifact beside its content: only one of them would be recorded.
    """
    known = contracts_by_name(contracts)
    return [_recorded(run, tool, known.get(tool.name)) for tool in tools]


def _recorded(run: Run, tool: BaseTool, contract: ToolContract | None) -> StructuredTool:
    if tool.response_format != "content":
        message = f"tool {tool.name} answers an artifact beside its content, which cannot be given back"
        raise error("invalid_option", message, option="tools")
    shown = _parameters(tool)

    def told(args: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in args.items() if name in shown}

    def call(**args: Any) -> Any:
        return run.tool_call(tool.name, told(args), contract=contract).do(tool.invoke, args)

    async def call_async(**args: Any) -> Any:
        async def ask() -> Any:
            return await tool.ainvoke(args)

        return await run.tool_call(tool.name, told(args), contract=contract).do(ask)

    return StructuredTool(
        name=tool.name,
        description=tool.description,
        args_schema=tool.args_schema or tool.get_input_schema(),
        return_direct=tool.return_direct,
        func=call,
        coroutine=call_async,
    )


def _parameters(tool: BaseTool) -> set[str]:
    """The names of the arguments that a model gives it: what a framework adds (its state, say) is not recorded."""
    schema: Any = tool.tool_call_schema
    if not isinstance(schema, dict):
        schema = schema.model_json_schema() if hasattr(schema, "model_json_schema") else schema.schema()
    return set(schema.get("properties", ()))
