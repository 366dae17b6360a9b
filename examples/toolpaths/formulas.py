"""What a saw blade does in a cut, by published formulas. Each says its units, its source and where it holds.

Sources
- [MMC] Mitsubishi Materials, Technical Information: Formulae for Milling; Formulae for Cutting Power (with the table of
  specific cutting forces). Each page has a worked example, which `test_formulas.py` reproduces.
- [GRO] M. P. Groover, Fundamentals of Modern Manufacturing, chapter on theory of metal machining: Cook's equation for
  the rise of the cutting temperature, with a worked example.
- [BEA] Any table of beams, e.g. Machinery's Handbook, "Stresses and Deflections in Beams": one end fixed, load at the
  other.
- [SAN] Sandvik Coromant, Milling formulas: average chip thickness in side milling, small engagement.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import exp, log, pi, pow, sqrt

STEEL_E_MPA = 210_000.0
"""Young's modulus of steel."""


def rim_speed_m_s(diameter_mm: float, rpm: float) -> float:
    """v = π·D·n; the speed of the teeth [MMC]."""
    return pi * diameter_mm / 1000 * rpm / 60


def feed_per_tooth_mm(feed_mm_min: float, rpm: float, teeth: int) -> float:
    """fz = vf / (z·n); what the work moves on from tooth to tooth [MMC]."""
    return feed_mm_min / (teeth * rpm)


def mean_chip_mm(feed_per_tooth_mm: float, depth_mm: float, diameter_mm: float) -> float:
    """hm = fz·√(a/D); how thick a chip is on average, for a depth of up to about a third of the diameter [SAN]."""
    return feed_per_tooth_mm * sqrt(min(depth_mm / diameter_mm, 1.0))


def specific_force_mpa(table: Sequence[tuple[float, float]], feed_per_tooth_mm: float) -> float:
    """kc of a material at a feed per tooth [MMC, table]: between two rows, and beyond the last, along the straight line
    through them on logarithmic scales (Kienzle's law)."""
    at = min(max(bisect_left([feed for feed, _ in table], feed_per_tooth_mm), 1), len(table) - 1)
    (low, force), (high, other) = table[at - 1], table[at]
    slope = log(other / force) / log(high / low)
    return force * exp(slope * log(feed_per_tooth_mm / low))


def cutting_power_kw(depth_mm: float, width_mm: float, feed_mm_min: float, kc_mpa: float, efficiency: float) -> float:
    """Pc = ap·ae·vf·Kc / (60·10⁶·η); what the motor gives [MMC]."""
    return depth_mm * width_mm * feed_mm_min * kc_mpa / (60e6 * efficiency)


def tangential_force_n(power_kw: float, rim_speed_m_s: float) -> float:
    """F = P/v; with what force the teeth push, of the power at the blade."""
    return 1000 * power_kw / rim_speed_m_s


def temperature_rise_k(
    energy_j_mm3: float, heat_j_mm3_k: float, diffusivity_mm2_s: float, speed_mm_s: float, chip_mm: float
) -> float:
    """ΔT = 0.4·U/(ρC)·(v·t/K)^0.333; at the face of the tooth, in metals, without coolant [GRO, Cook's equation]."""
    return 0.4 * energy_j_mm3 / heat_j_mm3_k * pow(speed_mm_s * chip_mm / diffusivity_mm2_s, 0.333)


def cantilever_mm(force_n: float, length_mm: float, modulus_mpa: float, inertia_mm4: float) -> float:
    """δ = F·L³/(3·E·I); how far the end of the arbor gives way [BEA]."""
    return force_n * length_mm**3 / (3 * modulus_mpa * inertia_mm4)


def round_inertia_mm4(diameter_mm: float) -> float:
    """I = π·d⁴/64; of a round bar [BEA]."""
    return pi * diameter_mm**4 / 64
