"""Tool contracts of what describes tools already: a pydantic model, a server's list of tools (MCP), the tools of a
request to a model (OpenAI).

- Objects of the libraries serve as well as their JSON; none of them is imported.
- What they do not tell is for who knows the tool: the version is `1` unless it is given, and `changed` makes a contract
  with handling, approval or a budget of the one that is made here.
- A server's word on what its tool does to the world is a hint. It is taken, as there is no better one, and a missing
  one counts as `write`.
"""

from __future__ import annotations

from runstone.core.tools.contract import ToolContract
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

DEFAULT_VERSION: Final = "1"
_NO_ARGUMENTS: Final = {"type": "object", "properties": {}, "additionalProperties": False}


def contract_of_model(model: Any, *, name: str | None = None, result: Any = None, **changes: Any) -> ToolContract:
    """The contract of a tool whose arguments are a pydantic model (a class), and `result` another one, or a schema.

    `name` is the model's own unless it is given; `changes` are other members. Raises `invalid_tool_contract`.
    """
    document = {
        "name": getattr(model, "__name__", "") if name is None else name,
        "version": DEFAULT_VERSION,
        **_described(getattr(model, "__doc__", None)),
        "arguments": _schema_of(model, "/arguments"),
    }
    if result is not None:
        document["result"] = _schema_of(result, "/result", mode="serialization")
    return ToolContract.of({**document, **changes})


def contracts_of_mcp(tools: Any, **changes: Any) -> dict[str, ToolContract]:
    """The contracts of what an MCP server answers to `tools/list`, by name, in its order: the result or the tools in
    it, as objects or JSON. A tool's `result` is what it says of its structured content.

    `changes` are members for all of them. Raises `invalid_tool_contract`.
    """
    return _by_name([_of_mcp(tool, f"/tools/{at}") for at, tool in enumerate(_tools_in(tools))], changes)


def contracts_of_openai(tools: Any, **changes: Any) -> dict[str, ToolContract]:
    """The contracts of the `tools` of a request to Chat Completions or Responses, by name, in their order, as objects
    or JSON. Tools that run at the provider (a web search) have no arguments of the caller's, and are left out.

    `changes` are members for all of them. Raises `invalid_tool_contract`.
    """
    found = [_of_openai(tool, f"/tools/{at}") for at, tool in enumerate(_tools_in(tools))]
    return _by_name([document for document in found if document is not None], changes)


def _by_name(documents: list[dict[str, Any]], changes: dict[str, Any]) -> dict[str, ToolContract]:
    found: dict[str, ToolContract] = {}
    for document in documents:
        contract = ToolContract.of({**document, **changes})
        if contract.name in found:
            raise error("invalid_tool_contract", f"two tools are called {contract.name!r}", path="/name")
        found[contract.name] = contract
    return found


def _of_mcp(tool: Any, path: str) -> dict[str, Any]:
    told = _object(tool, path)
    hints = _object(told.get("annotations") or {}, f"{path}/annotations")
    document = {
        "name": told.get("name"),
        "version": DEFAULT_VERSION,
        **_described(told.get("description")),
        "arguments": told.get("inputSchema"),
    }
    if told.get("outputSchema") is not None:
        document["result"] = told["outputSchema"]
    if hints.get("readOnlyHint") is True:
        document["side_effect"] = "read"
    elif hints.get("destructiveHint") is True:
        document["side_effect"] = "irreversible"
    return document


def _of_openai(tool: Any, path: str) -> dict[str, Any] | None:
    told = _object(tool, path)
    kind = told.get("type", "function")
    if kind not in ("function", "custom"):
        return None
    told = _object(told.get(kind, told), f"{path}/{kind}")
    arguments = {"type": "string"} if kind == "custom" else told.get("parameters")
    return {
        "name": told.get("name"),
        "version": DEFAULT_VERSION,
        **_described(told.get("description")),
        "arguments": dict(_NO_ARGUMENTS) if arguments is None else arguments,
    }


def _tools_in(tools: Any) -> list[Any]:
    """The tools of a list, of an answer or request that has one, or of the message around it."""
    if not isinstance(tools, (list, tuple)):
        told = _object(tools, "")
        tools = _object(told.get("result") or told, "/result").get("tools")
    if not isinstance(tools, (list, tuple)):
        raise error("invalid_tool_contract", "there is no list of tools", path="/tools")
    return list(tools)


def _object(value: Any, path: str) -> dict[str, Any]:
    """An object of a library, by the names of its JSON; or JSON as it is."""
    if callable(getattr(type(value), "model_dump", None)):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not isinstance(value, dict):
        raise error("invalid_tool_contract", f"{path or 'what has tools'} is an object", path=path)
    return value


def _schema_of(model: Any, path: str, mode: str = "validation") -> Any:
    if isinstance(model, dict):
        return model
    make = getattr(model, "model_json_schema", None)
    if not isinstance(model, type) or make is None:
        raise error("invalid_tool_contract", f"{path} is made of a pydantic model, a class", path=path)
    return make(mode=mode)


def _described(text: Any) -> dict[str, str]:
    return {"description": text.strip()} if isinstance(text, str) and text.strip() else {}
