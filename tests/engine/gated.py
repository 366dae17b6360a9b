"""What the tests of gates begin with: a policy, and gates around small pieces of work."""

from __future__ import annotations

from typing import Any

POLICY = {
    "name": "saw",
    "version": "1",
    "levels": ["GREEN", "YELLOW", "RED", "UNKNOWN"],
    "blocks": "RED",
    "review": "YELLOW",
    "rules": [
        {"id": "speed", "fact": "/speed", "max": 80, "level": "RED", "unit": "m/s"},
        {"id": "feed", "fact": "/feed", "max": 0.3, "level": "YELLOW"},
    ],
}
CALM, ODD, WILD = {"speed": 40, "feed": 0.1}, {"speed": 40, "feed": 0.5}, {"speed": 90, "feed": 0.1}


def facts_of(request: dict[str, Any], **_: Any) -> dict[str, Any]:
    """What the policy sees of a request."""
    return {"speed": request["speed"], "feed": request["feed"]}
