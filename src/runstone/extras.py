"""Libraries that come with an extra of the package, and what is raised where one is missing.

with Extra("web"):
    from fastapi import Request
"""

from __future__ import annotations

from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_PACKAGES: Final = {
    "fastapi": "fastapi",
    "langchain_core": "langchain-core",
    "langgraph": "langgraph-checkpoint",
    "pydantic": "pydantic",
    "pydantic_ai": "pydantic-ai-slim",
}
"""What installs a module, and those below it."""


class Extra:
    """A block that imports what the extra `name` installs. Raises `missing_extra` where a module of that is not found;
    of any other module Python's own error comes through."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if not isinstance(exc, ModuleNotFoundError):
            return
        package = _PACKAGES.get((exc.name or "").partition(".")[0])
        if package is None:
            return
        message = f'{package} is needed, and not installed or too old: pip install "runstone[{self._name}]"'
        raise error("missing_extra", message, extra=self._name, package=package) from exc
