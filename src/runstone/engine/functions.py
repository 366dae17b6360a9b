"""The tool contract of an annotated function: what its signature and its docstring tell."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from runstone.core.tools.contract import ToolContract
from runstone.core.tools.makers import DEFAULT_VERSION
from runstone.engine.annotations import DEFS, Schemas, hints_of
from runstone.engine.wrapping import RECEIVERS, bare, parameters_of, with_parameters
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from typing import Final

_BY_PLACE: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def contract_of_function(function: Callable[..., Any], **changes: Any) -> ToolContract:
    """The contract of a function (plain, coroutine, generator, method): its name, its docstring, its parameters by name
    and what it returns.

    A parameter without a default is required. A receiver is left out, that of a method or one called `self` or `cls`;
    `*rest` is an array, `**others` are members of any name. The result of a generator is not described. Defaults are
    not recorded.

    `changes` are other members: `side_effect`, `handling`, … Raises `invalid_tool_contract`.
    """
    named = inspect.unwrap(bare(function)[0])
    owner, given, by_name = with_parameters(function)
    try:
        parameters = parameters_of(owner)
    except (TypeError, ValueError):
        raise error("invalid_tool_contract", "a contract is made of a function with a signature", path="") from None
    if not given and parameters and parameters[0].name in RECEIVERS:
        given = 1
    left = [one for at, one in enumerate(parameters) if at >= given or one.kind not in _BY_PLACE]
    owner = inspect.unwrap(owner)
    hints = hints_of(owner)
    document = {
        "name": (named if hasattr(named, "__name__") else type(named)).__name__,
        "version": DEFAULT_VERSION,
        "arguments": _arguments(left, by_name, hints),
        **_result(owner, hints),
    }
    if description := inspect.getdoc(named):
        document["description"] = description
    return ToolContract.of({**document, **changes})


def _arguments(parameters: Iterable[inspect.Parameter], given: Container[str], hints: dict[str, Any]) -> dict[str, Any]:
    """The schema of parameters; an argument that is given by name may be left out."""
    schemas = Schemas()
    properties: dict[str, Any] = {}
    others: Any = False
    required = []
    for parameter in parameters:
        schema = schemas.of(hints.get(parameter.name, Any))
        if parameter.kind is parameter.VAR_KEYWORD:
            others = schema or True
        elif parameter.kind is parameter.VAR_POSITIONAL:
            properties[parameter.name] = {"type": "array", **({"items": schema} if schema else {})}
        else:
            properties[parameter.name] = schema
            if parameter.default is parameter.empty and parameter.name not in given:
                required.append(parameter.name)
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
