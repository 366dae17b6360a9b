"""The tool contract of an annotated function: what its signature and its docstring tell."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from runstone.core.tools.contract import ToolContract
from runstone.core.tools.makers import DEFAULT_VERSION
from runstone.engine.annotations import DEFS, Schemas, hints_of
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

_RECEIVERS: Final = ("self", "cls")


def contract_of_function(function: Callable[..., Any], **changes: Any) -> ToolContract:
    """The contract of a function (plain, coroutine, generator, method): its name, its docstring, its parameters by name
    and what it returns.

    A parameter without a default is required. A receiver is left out, that of a method or one called `self` or `cls`;
    `*rest` is an array, `**others` are members of any name. The result of a generator is not described. Defaults are
    not recorded.

    `changes` are other members: `side_effect`, `handling`, … Raises `invalid_tool_contract`.
    """
    method = function if inspect.ismethod(function) else None
    function = inspect.unwrap(getattr(function, "__func__", function))
    if method is None and inspect.ismethod(function):  # of which a wrapper knows
        method = function
    try:
        signature = inspect.signature(method or function)
    except (TypeError, ValueError):
        raise error("invalid_tool_contract", "a contract is made of a function with a signature", path="") from None
    bare = getattr(function, "func", function)  # what a partial one calls
    named = bare if hasattr(bare, "__name__") else type(bare)
    hints = hints_of(bare if hasattr(bare, "__annotations__") else type(bare).__call__)
    document = {
        "name": named.__name__,
        "version": DEFAULT_VERSION,
        "arguments": _arguments(signature, hints, bound=method is not None),
        **_result(bare, hints),
    }
    if description := inspect.getdoc(bare):
        document["description"] = description
    return ToolContract.of({**document, **changes})


def _arguments(signature: inspect.Signature, hints: dict[str, Any], *, bound: bool) -> dict[str, Any]:
    schemas = Schemas()
    properties: dict[str, Any] = {}
    others: Any = False
    required = []
    for at, parameter in enumerate(signature.parameters.values()):
        if at == 0 and not bound and parameter.name in _RECEIVERS:
            continue
        schema = schemas.of(hints.get(parameter.name, Any))
        if parameter.kind is parameter.VAR_KEYWORD:
            others = schema or True
        elif parameter.kind is parameter.VAR_POSITIONAL:
            properties[parameter.name] = {"type": "array", **({"items": schema} if schema else {})}
        else:
            properties[parameter.name] = schema
            required += [parameter.name] if parameter.default is parameter.empty else []
    return _whole(
        {"type": "object", "properties": properties, "required": required, "additionalProperties": others}, schemas
    )


def _result(function: Callable[..., Any], hints: dict[str, Any]) -> dict[str, Any]:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function) or "return" not in hints:
        return {}
    schemas = Schemas("serialization")
    schema = schemas.of(hints["return"])
    return {"result": _whole(schema, schemas)} if schema else {}


def _whole(schema: dict[str, Any], schemas: Schemas) -> dict[str, Any]:
    return {**schema, DEFS: schemas.defs} if schemas.defs else schema
