"""Spans of time and sizes, as people write them."""

from __future__ import annotations

import pytest

from runstone.core.amounts import size_bytes, span_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30d", 2_592_000), ("1.5h", 5400), ("90s", 90), ("20ms", 0.02), ("2w", 1_209_600), ("3m", 180), ("0d", 0),
     ("0", 0)],
)  # fmt: skip
def test_a_span_has_a_unit(text: str, seconds: float) -> None:
    """Seconds; only nothing needs no unit."""
    assert span_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "30", "d", "-1d", "1e3d", "1.d", ".5h", "1 d", "٣d", "1d2h", "inf s", "9" * 20 + "w"]
)
def test_anything_else_is_no_span(text: str) -> None:
    """`None`."""
    assert span_s(text) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("65536", 65536), ("64K", 65536), ("10m", 10 << 20), ("1GB", 1 << 30), ("2TiB", 2 << 40)],
)
def test_a_size_is_in_powers_of_1024(text: str, size: int) -> None:
    """With a letter, in any case, with or without `B` or `iB`."""
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "K", "-1", "1.5G", "1 K", "٣", "1P", "9" * 21])
def test_anything_else_is_no_size(text: str) -> None:
    """`None`."""
    assert size_bytes(text) is None
