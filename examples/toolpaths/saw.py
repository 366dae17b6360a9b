"""Whether a saw can make a cut: server-side facts of blade, machine and material, and what the formulas make of them.

The request says what is to be cut and how; which blade that is, and what the machine can do, the server knows itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import formulas
from materials import AMBIENT_C, MATERIALS
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

GREEN, YELLOW, RED, UNKNOWN = "GREEN", "YELLOW", "RED", "UNKNOWN"
COSTS = {GREEN: 0, YELLOW: 15, RED: 50}

Place = tuple[
    Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)],
    Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)],
]


@dataclass(frozen=True)
class Blade:
    """A blade in the server's cabinet: lengths in mm."""

    diameter: float
    kerf: float
    teeth: int
    flange: float
    max_rpm: float


@dataclass(frozen=True)
class Machine:
    """The saw itself: lengths in mm, power in kW."""

    power: float = 11.0
    efficiency: float = 0.8
    arbor: float = 30.0
    overhang: float = 60.0


BLADES = {
    "saw:light_alloy_300": Blade(diameter=300, kerf=3.2, teeth=96, flange=100, max_rpm=6000),
    "saw:light_alloy_160": Blade(diameter=160, kerf=2.2, teeth=56, flange=60, max_rpm=11000),
    "saw:dry_cut_355": Blade(diameter=355, kerf=2.2, teeth=80, flange=120, max_rpm=1800),
}
MACHINE = Machine()
CLEARANCE_MM = 5.0
"""So much of the blade stays between the flange and the work."""
WARN_SHARE = 0.8
"""From this part of a limit on somebody should look."""
DEFLECTION_MM = (0.02, 0.05)
"""How far the arbor may give way before the cut runs off: to look at, and not at all."""


class Cut(BaseModel):
    """A straight cut, from one edge of the work to another, in mm on the table."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    start: Place = Field(alias="from")
    end: Place = Field(alias="to")

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.start == self.end:
            raise ValueError("a cut goes from one place to another")
        return self


class Job(BaseModel):
    """What is to be cut, and how."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tool_id: str
    material: str
    rpm: Annotated[float, Field(gt=0, le=30_000, allow_inf_nan=False)]
    feed_mm_min: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
    depth_mm: Annotated[float, Field(ge=0.1, le=1000, allow_inf_nan=False)]
    cuts: Annotated[list[Cut], Field(min_length=1, max_length=2000)]
    safe_height_mm: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)] = 5.0
    coolant: bool = False


@dataclass(frozen=True)
class Measure:
    """One thing that was measured against its limits."""

    id: str
    value: float
    unit: str
    limits: Mapping[str, float]
    level: Literal["GREEN", "YELLOW", "RED"]
    formula: str

    @property
    def threshold(self) -> float:
        """The limit that is missed, on the side on which it is; where none is, the one beyond which it is red."""
        limits = self.limits
        low = limits.get("good_from", 0.0)
        if self.level == RED:
            return limits["least"] if self.value < low else limits["limit"]
        if self.level == YELLOW:
            return low if self.value < low else limits["good_to"]
        return limits["limit"]

    def told(self) -> dict[str, Any]:
        """As it is recorded: six digits are more than any of these is known to."""
        return {
            "id": self.id,
            "value": float(f"{self.value:.6g}"),
            "unit": self.unit,
            "limits": dict(self.limits),
            "threshold": self.threshold,
            "level": self.level,
            "formula": self.formula,
        }


def feasibility(*, tool_id: str, req: Mapping[str, Any]) -> dict[str, Any]:
    """What the server knows of a request: risk, score, and each measure with its limits.

    What cannot be known (a blade or a material that nobody has data of, a speed that is missing) is UNKNOWN.
    """
    try:
        job = Job.model_validate({**req, "tool_id": tool_id})
    except ValidationError as exc:
        wrong = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in exc.errors()]
        return _unknown("the request does not say what is to be cut", wrong)
    if job.tool_id not in BLADES:
        return _unknown(f"no data of blade {job.tool_id}", [f"known are {', '.join(BLADES)}"])
    if job.material not in MATERIALS:
        return _unknown(f"no data of material {job.material}", [f"known are {', '.join(MATERIALS)}"])
    measures = list(_measures(job, BLADES[job.tool_id], MACHINE))
    levels = [measure.level for measure in measures]
    level = RED if RED in levels else YELLOW if YELLOW in levels else GREEN
    told = {measure.id: f"{measure.id} is {measure.value:.4g} {measure.unit}" for measure in measures}
    worst = [told[measure.id] for measure in measures if measure.level == RED]
    return {
        "risk_level": level,
        "score": float(max(0, 100 - sum(COSTS[level] for level in levels))),
        "block_reason": "; ".join(worst) or None,
        "warnings": [told[measure.id] for measure in measures if measure.level == YELLOW],
        "details": {"measures": [measure.told() for measure in measures]},
    }


def _unknown(reason: str, warnings: list[str]) -> dict[str, Any]:
    return {
        "risk_level": UNKNOWN,
        "score": None,
        "block_reason": reason,
        "warnings": warnings,
        "details": {"measures": []},
    }


def _measures(job: Job, blade: Blade, machine: Machine) -> Iterator[Measure]:
    material = MATERIALS[job.material]
    speed = formulas.rim_speed_m_s(blade.diameter, job.rpm)
    feed = formulas.feed_per_tooth_mm(job.feed_mm_min, job.rpm, blade.teeth)
    chip = formulas.mean_chip_mm(feed, job.depth_mm, blade.diameter)
    force = formulas.specific_force_mpa(material.kc, feed)
    at_blade = formulas.cutting_power_kw(job.depth_mm, blade.kerf, job.feed_mm_min, force, 1.0)
    rise = formulas.temperature_rise_k(force / 1000, material.heat, material.diffusivity, speed * 1000, chip)
    push = formulas.tangential_force_n(at_blade, speed)
    way = formulas.cantilever_mm(
        push, machine.overhang, formulas.STEEL_E_MPA, formulas.round_inertia_mm4(machine.arbor)
    )
    yield _most("spindle_speed", job.rpm, "1/min", blade.max_rpm, blade.max_rpm, "n, stamped on the blade")
    yield _within("rim_speed", speed, "m/s", material.speed, material.speed[1], 0.0, "v = π·D·n")
    low, high = material.feed
    yield _within("feed_per_tooth", feed, "mm", material.feed, 2 * high, low / 4, "fz = vf/(z·n)")
    reach = (blade.diameter - blade.flange) / 2 - CLEARANCE_MM
    yield _most("depth", job.depth_mm, "mm", min(blade.diameter / 3, reach), reach, "a ≤ (D − flange)/2 − clearance")
    given = formulas.cutting_power_kw(job.depth_mm, blade.kerf, job.feed_mm_min, force, machine.efficiency)
    yield _most("power", given, "kW", WARN_SHARE * machine.power, machine.power, "Pc = ap·ae·vf·Kc/(60·10⁶·η)")
    limit = material.limit_c
    yield _most(
        "temperature", AMBIENT_C + rise, "°C", WARN_SHARE * limit, limit, "ΔT = 0.4·U/(ρC)·(v·t/K)^0.333, no coolant"
    )
    yield _most("arbor_deflection", way, "mm", *DEFLECTION_MM, "δ = F·L³/(3·E·I)")


def _most(name: str, value: float, unit: str, good: float, limit: float, formula: str) -> Measure:
    level: Literal["GREEN", "YELLOW", "RED"] = "RED" if value > limit else "YELLOW" if value > good else "GREEN"
    return Measure(name, value, unit, {"good_to": good, "limit": limit}, level, formula)


def _within(
    name: str, value: float, unit: str, good: tuple[float, float], highest: float, lowest: float, formula: str
) -> Measure:
    level: Literal["GREEN", "YELLOW", "RED"] = "GREEN"
    if value > highest or value < lowest:
        level = "RED"
    elif not good[0] <= value <= good[1]:
        level = "YELLOW"
    limits = {"good_from": good[0], "good_to": good[1], "least": lowest, "limit": highest}
    return Measure(name, value, unit, limits, level, formula)
