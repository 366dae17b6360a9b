"""Public names of a package that are loaded when they are first used (PEP 562), so that importing it costs next to
nothing.

    __getattr__, __dir__ = lazily(__name__, {"runstone.engine.store": ("Store",)})
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazily(
    package: str, homes: Mapping[str, tuple[str, ...]], *, extra: str | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """What a package calls `__getattr__` and `__dir__`. `homes` tells the names of each module; a module whose name
    begins with a point is one of the package. A name that is loaded stays in the package. One that
    needs a library of `extra` raises `missing_extra` without it."""
    found = {name: package + home if home.startswith(".") else home for home, names in homes.items() for name in names}

    def load(name: str) -> object:
        home = found.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        if extra is None:
            module = import_module(home)
        else:
            from runstone.extras import Extra

            with Extra(extra):
                module = import_module(home)
        value: object = getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(found)
