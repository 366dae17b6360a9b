"""What a secret looks like: all rules, a module a field. Adding one is a block in the module of its field, and
`python tools/rules_index.py`."""

from __future__ import annotations

from runstone.core.redaction.rules import (
    ai,
    business,
    chat,
    cloud,
    files,
    forges,
    hosts,
    infra,
    keys,
    payment,
    services,
    webhooks,
    wire,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.core.redaction.rule import Rule

_FIELDS: Final = (ai, business, chat, cloud, files, forges, hosts, infra, keys, payment, services, webhooks, wire)

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted((rule for field in _FIELDS for rule in field.RULES), key=lambda rule: rule.id)
)
"""Every rule, in the order of the ids."""
