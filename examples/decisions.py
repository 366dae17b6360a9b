"""Decide, block, answer for it: calls of a saw from many threads, each a sealed run in a pack before its answer.

    python examples/decisions.py [--calls N] [--threads N]

Of the calls some are allowed, some blocked by the policy, and some fail at their work. Runs go to the store of
`RUNSTONE_STORE`, else `./runs`.
"""

import argparse
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import runstone

POLICY = {
    "name": "saw",
    "version": "1",
    "levels": ["GREEN", "RED"],
    "blocks": "RED",
    "rules": [{"id": "rim_speed", "fact": "/rim_speed", "max": 80, "unit": "m/s", "level": "RED"}],
}
STORE = runstone.open(packed=True)


def rim_speed(diameter_m: float, rpm: int) -> dict[str, float]:
    """What the policy decides on; the caller has no say in it."""
    return {"rim_speed": round(diameter_m * 3.14159 * rpm / 60, 3)}


@runstone.gate("cut", policy=POLICY, facts=rim_speed, store=STORE)
def cut(diameter_m: float, rpm: int) -> dict[str, float]:
    """The work, for which the blade must turn."""
    return {"mm_per_turn": 3141.59 * diameter_m, "seconds": 60 / rpm}


def outcome(number: int) -> str:
    """What comes of a call: every fifth is too fast, every seventh has a blade that stands still."""
    rpm = 0 if number % 7 == 0 else 9000 if number % 5 == 0 else 3000
    try:
        cut(0.3, rpm)
    except runstone.PolicyBlocked:
        return "blocked"
    except ZeroDivisionError:
        return "failed"
    return "allowed"


def main() -> None:
    """Call, count, and say how many a second."""
    parser = argparse.ArgumentParser(description="Calls behind a gate.")
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--threads", type=int, default=8)
    asked = parser.parse_args()
    started = time.perf_counter()
    with ThreadPoolExecutor(asked.threads) as callers:
        counts = Counter(callers.map(outcome, range(asked.calls)))
    took = time.perf_counter() - started
    told = ", ".join(f"{counts[name]} {name}" for name in ("allowed", "blocked", "failed"))
    print(f"{asked.calls} calls from {asked.threads} threads: {told}")
    print(f"{asked.calls / took:.0f} a second, each sealed and synced before it was answered")


if __name__ == "__main__":
    main()
