"""The retention policy of a purge: what is given, with the holds of `runstone.toml`, which count in any case."""

from __future__ import annotations

import os

from runstone.core.query import parse_query
from runstone.core.retention import Hold, Policy, policy_of, policy_of_file
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final

    from runstone.ports.host import Host

MAX_POLICY_BYTES: Final = 1 << 20


def policy_in_force(
    given: Mapping[str, Any] | str | os.PathLike[str] | None,
    host: Host,
    now_ns: int,
    holds: Iterable[str] = (),
    grace: str | None = None,
) -> Policy:
    """Rules and grace of `given`, a mapping or the path of a settings file; without one those of `runstone.toml`.

    `holds` are further queries, `grace` a span of time in place of the policy's. Raises `invalid_settings`,
    `invalid_query`.
    """
    found = host.settings_file()
    chosen = local = Policy((), (), None) if found is None else policy_of_file(*found, now_ns)
    if isinstance(given, str | os.PathLike):
        path = os.fspath(given)
        chosen = policy_of_file(_read(path), path, now_ns)
    elif given is not None:
        chosen = policy_of(given, now_ns)
    more = [Hold(query, parse_query(query, now_ns)) for query in holds]
    grace_s = local.grace_s if chosen.grace_s is None else chosen.grace_s
    if grace is not None:
        grace_s = policy_of({"grace": grace}, now_ns).grace_s
    return Policy(chosen.rules, (*more, *chosen.holds, *(local.holds if chosen is not local else ())), grace_s)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_POLICY_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise error("invalid_settings", f"{path}: {reason}", path=path, table=None) from exc
    if len(data) > MAX_POLICY_BYTES:
        raise error("invalid_settings", f"{path}: over {MAX_POLICY_BYTES} bytes", path=path, table=None)
    return data
