"""G-code of straight saw cuts: RS-274, millimetres, absolute places, one full-depth pass a cut.

A cut goes from edge to edge of the work. A round blade at depth a is in it over a chord of 2·√(a·(D − a)): it goes down
beside the work, half a chord before the cut, and comes up as far behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import hypot, sqrt
from typing import Any

from saw import BLADES, Blade, Job

PLUNGE_SHARE = 0.25
"""The blade goes down at this part of its feed."""


def build(*, mode: str, req: Mapping[str, Any], feasibility: Mapping[str, Any]) -> dict[str, Any]:
    """The toolpaths of a request that was found feasible: G-code, and the plan of operations behind it."""
    job = Job.model_validate(req)
    blade = BLADES[job.tool_id]
    planned = list(steps_of(job, blade))
    length = sum(step["length_mm"] for step in planned)
    return {
        "mode": mode,
        "gcode_text": "\n".join(_lines(job, blade, planned)) + "\n",
        "opplan_json": {
            "kind": "saw_opplan",
            "version": 1,
            "blade": {"tool_id": job.tool_id, "diameter_mm": blade.diameter, "kerf_mm": blade.kerf},
            "material": job.material,
            "risk_level": feasibility["risk_level"],
            "steps": planned,
        },
        "stats": {
            "cuts": len(planned),
            "length_mm": round(length, 3),
            "cutting_time_s": round(60 * length / job.feed_mm_min, 1),
        },
    }


def steps_of(job: Job, blade: Blade) -> Iterator[dict[str, Any]]:
    """Each cut with the ends of the blade's way: longer than the cut by half a chord on both sides."""
    over = sqrt(max(job.depth_mm * (blade.diameter - job.depth_mm), 0.0))
    for number, cut in enumerate(job.cuts, 1):
        (x, y), (end_x, end_y) = cut.start, cut.end
        length = hypot(end_x - x, end_y - y)
        along = ((end_x - x) / length, (end_y - y) / length)
        yield {
            "cut": number,
            "from": [round(x - over * along[0], 3), round(y - over * along[1], 3)],
            "to": [round(end_x + over * along[0], 3), round(end_y + over * along[1], 3)],
            "overrun_mm": round(over, 3),
            "length_mm": round(length + 2 * over, 3),
        }


def _lines(job: Job, blade: Blade, steps: list[dict[str, Any]]) -> Iterator[str]:
    """The program: one word a thing, numbers without an exponent."""
    yield f"(blade {blade.diameter:g} x {blade.kerf:g} mm, {blade.teeth} teeth)"
    yield "G21 G90 G17 G94"
    yield f"G0 Z{_number(job.safe_height_mm)}"
    yield f"M3 S{_number(job.rpm)}"
    if job.coolant:
        yield "M8"
    for step in steps:
        yield f"(cut {step['cut']})"
        yield f"G0 X{_number(step['from'][0])} Y{_number(step['from'][1])}"
        yield f"G1 Z{_number(-job.depth_mm)} F{_number(PLUNGE_SHARE * job.feed_mm_min)}"
        yield f"G1 X{_number(step['to'][0])} Y{_number(step['to'][1])} F{_number(job.feed_mm_min)}"
        yield f"G0 Z{_number(job.safe_height_mm)}"
    if job.coolant:
        yield "M9"
    yield "M5"
    yield "M30"


def _number(value: float) -> str:
    """Three decimals, without noughts that say nothing; never `-0`."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
