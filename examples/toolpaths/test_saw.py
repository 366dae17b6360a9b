"""What the server knows of a cut, and the program that it makes of one that is feasible."""

from __future__ import annotations

import math
from typing import Any

import pytest
from builder import build
from gcodeparser import parse_gcode_lines
from hypothesis import given
from hypothesis import strategies as st
from saw import BLADES, feasibility

GOOD: dict[str, Any] = {
    "tool_id": "saw:light_alloy_300",
    "material": "aluminium-mg",
    "rpm": 4000,
    "feed_mm_min": 16000,
    "depth_mm": 5,
    "cuts": [{"from": [0, 0], "to": [400, 0]}],
}


def judged(**changed: Any) -> dict[str, Any]:
    """The feasibility of the good request, changed."""
    request = {**GOOD, **changed}
    return feasibility(tool_id=request["tool_id"], req=request)


def levels(**changed: Any) -> dict[str, str]:
    """What each measure came to that is not green."""
    measures = judged(**changed)["details"]["measures"]
    return {measure["id"]: measure["level"] for measure in measures if measure["level"] != "GREEN"}


def test_a_good_cut() -> None:
    """Is green, by seven measures, each with its unit, its limits and its formula."""
    found = judged()
    assert (found["risk_level"], found["score"], found["block_reason"], found["warnings"]) == ("GREEN", 100.0, None, [])
    assert [measure["id"] for measure in found["details"]["measures"]] == [
        "spindle_speed", "rim_speed", "feed_per_tooth", "depth", "power", "temperature", "arbor_deflection",
    ]  # fmt: skip
    assert all(measure["unit"] and measure["formula"] for measure in found["details"]["measures"])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"rpm": 6100, "feed_mm_min": 24000}, {"spindle_speed": "RED", "rim_speed": "RED"}),
        ({"rpm": 2500, "feed_mm_min": 10000}, {"rim_speed": "YELLOW"}),
        ({"feed_mm_min": 14000}, {"feed_per_tooth": "YELLOW"}),
        ({"feed_mm_min": 3000}, {"feed_per_tooth": "RED"}),
        ({"depth_mm": 12}, {"power": "YELLOW", "temperature": "YELLOW"}),
        ({"depth_mm": 30}, {"power": "RED"}),
        ({"material": "mild-steel", "rpm": 250, "feed_mm_min": 1600}, {"feed_per_tooth": "YELLOW"}),
    ],
)
def test_what_is_too_much(changed: dict[str, Any], expected: dict[str, str]) -> None:
    """By the measure that says so."""
    found = levels(**changed)
    assert expected.items() <= found.items()
    worst = "RED" if "RED" in found.values() else "YELLOW"
    assert judged(**changed)["risk_level"] == worst


@pytest.mark.parametrize(
    ("name", "changed", "threshold"),
    [
        ("feed_per_tooth", {}, 0.4),
        ("feed_per_tooth", {"feed_mm_min": 14000}, 0.04),
        ("feed_per_tooth", {"feed_mm_min": 3000}, 0.01),
        ("feed_per_tooth", {"feed_mm_min": 80000}, 0.2),
        ("feed_per_tooth", {"feed_mm_min": 99999, "rpm": 2500}, 0.4),
        ("rim_speed", {"rpm": 2500}, 50),
        ("power", {"depth_mm": 12}, 8.8),
        ("power", {"depth_mm": 30}, 11),
    ],
)
def test_a_threshold_is_the_limit_that_is_missed(name: str, changed: dict[str, Any], threshold: float) -> None:
    """Too little is measured against the lower one, what is to be looked at against where that begins."""
    (measure,) = [measure for measure in judged(**changed)["details"]["measures"] if measure["id"] == name]
    assert measure["threshold"] == pytest.approx(threshold)


@pytest.mark.parametrize(
    "changed",
    [
        {"tool_id": "saw:nobody_knows"},
        {"safe_height_mm": 0},
        {"depth_mm": 0.0001},
        {"material": "oak"},
        {"rpm": None},
        {"rpm": "fast"},
        {"feed_mm_min": -1},
        {"depth_mm": float("nan")},
        {"cuts": []},
        {"cuts": [{"from": [0, 0], "to": [0, 0]}]},
        {"cuts": [{"from": [0], "to": [1, 1]}]},
    ],
)
def test_what_is_not_known_is_unknown(changed: dict[str, Any]) -> None:
    """Never green, and told in words."""
    found = judged(**changed)
    assert (found["risk_level"], found["score"]) == ("UNKNOWN", None)
    assert found["block_reason"]


@given(
    st.dictionaries(st.sampled_from([*GOOD, "other"]), st.none() | st.floats() | st.text() | st.lists(st.integers()))
)
def test_any_request_is_judged(request: dict[str, Any]) -> None:
    """Whatever it holds, there is a level; a request that lacks something is never feasible."""
    found = feasibility(tool_id=str(request.get("tool_id", "")), req=request)
    assert found["risk_level"] in ("GREEN", "YELLOW", "RED", "UNKNOWN")


# programs


def parsed(request: dict[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """The program of a request as a parser of somebody else reads it: each command with its parameters."""
    text = build(mode="saw", req=request, feasibility=judged())["gcode_text"]
    return [(f"{line.command[0]}{line.command[1]}", line.params) for line in parse_gcode_lines(text)]


def test_the_program_of_a_cut() -> None:
    """A parser that knows nothing of us reads what was meant."""
    commands = parsed(GOOD)
    assert [name for name, _ in commands] == [
        "G21", "G90", "G17", "G94", "G0", "M3", "G0", "G1", "G1", "G0", "M5", "M30",
    ]  # fmt: skip
    over = round(math.sqrt(5 * 295), 3)
    assert commands[6:9] == [
        ("G0", {"X": -over, "Y": 0}),
        ("G1", {"Z": -5, "F": 4000}),
        ("G1", {"X": 400 + over, "Y": 0, "F": 16000}),
    ]


PLACE = st.tuples(st.integers(-500, 500), st.integers(-500, 500))


@given(st.lists(st.tuples(PLACE, PLACE).filter(lambda cut: cut[0] != cut[1]), min_size=1, max_size=5), st.booleans())
def test_every_program_is_safe_to_run(cuts: list[Any], coolant: bool) -> None:
    """The blade turns before it goes down, moves fast only above the work, cuts no faster than asked, and ends up and
    still; each cut is as long as it was asked for, and half a chord more at both ends."""
    request = {**GOOD, "coolant": coolant, "cuts": [{"from": list(start), "to": list(end)} for start, end in cuts]}
    turning, height, place, cutting = False, 0.0, (0.0, 0.0), 0
    for name, params in parsed(request):
        target = (params.get("X", place[0]), params.get("Y", place[1]))
        height_then = params.get("Z", height)
        turning = (turning or name == "M3") and name != "M5"
        if name == "G0":
            assert height > 0 or target == place
        elif name == "G1":
            assert turning
            assert params["F"] <= request["feed_mm_min"]
            if target != place:
                start, end = cuts[cutting]
                cutting += 1
                over = 2 * math.sqrt(5 * 295)
                assert math.dist(place, target) == pytest.approx(math.dist(start, end) + over, abs=0.01)
        place, height = target, height_then
    assert (cutting, turning, height) == (len(cuts), False, 5)


def test_every_blade_can_cut_something() -> None:
    """No blade of the cabinet is there for nothing."""
    possible: dict[str, dict[str, Any]] = {
        "saw:light_alloy_300": {},
        "saw:light_alloy_160": {"rpm": 8000, "feed_mm_min": 20000, "depth_mm": 3},
        "saw:dry_cut_355": {"material": "mild-steel", "rpm": 300, "feed_mm_min": 600, "depth_mm": 4},
    }
    assert possible.keys() == BLADES.keys()
    for tool_id, changed in possible.items():
        assert judged(tool_id=tool_id, **changed)["risk_level"] == "GREEN", judged(tool_id=tool_id, **changed)
