"""`orjson`, loaded so that nothing comes in between while it sets itself up.

It imports modules of Python in the middle of that, where an exception (a signal handler's, or that no file can be
opened) ends the process by a fault of memory. So they are loaded before: what they raise is then only raised.
"""

from __future__ import annotations

from importlib import import_module

for _name in ("dataclasses", "datetime", "enum", "json", "uuid", "zoneinfo"):
    import_module(_name)

from orjson import OPT_INDENT_2, OPT_SORT_KEYS, Fragment, dumps, loads  # noqa: E402  # see above

__all__ = ["OPT_INDENT_2", "OPT_SORT_KEYS", "Fragment", "dumps", "loads"]
