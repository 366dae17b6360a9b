"""The safety policy of the saw: red and unknown block, yellow is allowed and asks for somebody to look.

Each measure of the feasibility is a rule of the decision, so that a record, a query and a comparison know by how much a
limit was missed. The first red one is the reason of a block, all others are warnings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saw import GREEN, RED, UNKNOWN, YELLOW

import runstone


def decide(feasibility: Mapping[str, Any]) -> dict[str, Any]:
    """What the policy makes of a feasibility; it sees nothing else."""
    measures = feasibility["details"]["measures"]
    told = feasibility if feasibility["risk_level"] == UNKNOWN else {}  # else the rules tell it
    return {
        "risk_level": feasibility["risk_level"],
        "score": feasibility["score"],
        "block_reason": told.get("block_reason"),
        "warnings": told.get("warnings"),
        "rules": [
            {
                "id": measure["id"],
                "status": "pass" if measure["level"] == GREEN else "fail",
                "severity": measure["level"],
                "measured": measure["value"],
                "threshold": measure["threshold"],
                "unit": measure["unit"],
                "message": f"{measure['value']:.4g} {measure['unit']}",
            }
            for measure in measures
        ],
    }


POLICY = runstone.Policy("saw-safety", "1", decide, levels=[GREEN, YELLOW, RED, UNKNOWN], blocks=RED, review=YELLOW)
