"""The formulas reproduce published worked examples to 1 %, and keep to what physics says of them."""

from __future__ import annotations

from itertools import pairwise

import formulas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from materials import MATERIALS

SIZE = st.floats(0.01, 1000)


def about(value: float) -> object:
    """To one part in a hundred."""
    return pytest.approx(value, rel=0.01)


def test_cutting_speed() -> None:
    """Mitsubishi Materials, Formulae for Milling: a cutter of 125 mm at 350 a minute runs at 137.4 m/min."""
    assert 60 * formulas.rim_speed_m_s(125, 350) == about(137.4)


def test_feed_per_tooth() -> None:
    """Mitsubishi Materials, Formulae for Milling: 500 mm/min at 500 a minute and ten teeth is 0.1 mm a tooth."""
    assert formulas.feed_per_tooth_mm(500, 500, 10) == about(0.1)


def test_cutting_power() -> None:
    """Mitsubishi Materials, Formulae for Cutting Power: 2 mm deep, 80 mm wide at 280 mm/min in tool steel of 1,800 MPa
    takes 1.68 kW at an efficiency of 80 %."""
    assert formulas.cutting_power_kw(2, 80, 280, 1800, 0.8) == about(1.68)


def test_temperature() -> None:
    """Groover, Cook's equation: 1.038 N·m/mm³ at 100 m/min and a chip of 0.5 mm is a rise of 353 °C, where the work
    takes 3.0·10⁻³ J/(mm³·°C) and conducts 50 mm²/s."""
    assert formulas.temperature_rise_k(1.038, 3.0e-3, 50, 100_000 / 60, 0.5) == about(353)


def test_deflection_of_a_round_arbor() -> None:
    """By hand: 100 N at the end of 200 mm of a steel bar of 20 mm gives way 0.1617 mm (I = 7,854 mm⁴)."""
    inertia = formulas.round_inertia_mm4(20)
    assert inertia == about(7854)
    assert formulas.cantilever_mm(100, 200, formulas.STEEL_E_MPA, inertia) == about(0.1617)


@pytest.mark.parametrize("material", MATERIALS.values())
def test_specific_forces_are_those_of_the_table(material: object) -> None:
    """At the feeds of the table; finer chips take more force, never less."""
    table = material.kc  # type: ignore[attr-defined]  # a Material
    assert [formulas.specific_force_mpa(table, feed) for feed, _ in table] == pytest.approx([kc for _, kc in table])
    feeds = [0.005 * 1.3**step for step in range(25)]
    forces = [formulas.specific_force_mpa(table, feed) for feed in feeds]
    assert all(finer >= coarser * 0.999999 for finer, coarser in pairwise(forces))


@given(SIZE, SIZE, SIZE, SIZE)
def test_power_is_force_times_speed(depth: float, width: float, feed: float, force: float) -> None:
    """What the teeth push with, times their speed, is the power at the blade."""
    power = formulas.cutting_power_kw(depth, width, feed, force, 1.0)
    assert formulas.tangential_force_n(power, 50) * 50 / 1000 == pytest.approx(power)


@given(SIZE, st.floats(0.001, 1))
def test_a_chip_is_no_thicker_than_the_feed(diameter: float, feed: float) -> None:
    """Whatever the depth."""
    assert all(formulas.mean_chip_mm(feed, diameter * part, diameter) <= feed for part in (0.01, 0.3, 1, 2))
