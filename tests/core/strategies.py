"""What the tests of the pure core are fed: JSON values, doubles, text, and journals made of them."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st

SAFE = 2**53 - 1


def _double(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value if value - value == 0.0 else 0.0


def _beside(power: int, step: int, digit: int) -> float:
    """The double `step` places away from `digit` times ten to the `power`."""
    bits = struct.unpack("<Q", struct.pack("<d", digit * 10.0**power))[0]
    return _double(bits + step)


any_bits = st.integers(0, 2**64 - 1).map(_double)
"""Every finite double is as likely as every other."""

borders = st.builds(_beside, st.integers(-9, 23), st.integers(-3, 3), st.integers(1, 9))
"""Doubles beside the powers of ten at which a spelling changes its form."""

doubles = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    any_bits,
    borders,
    borders.map(float.__neg__),
    st.integers(-(2**70), 2**70).map(float),
)

text = st.text(st.characters(exclude_categories=["Cs"]))
"""Whole Unicode, and much of it where UTF-16 order and code point order differ."""

odd_text = st.one_of(
    text, st.text(st.sampled_from('aé"\\/\n\r\t\b\f\x00\x1f\x7f\x85\u2028\ud7ff\ue000\uffff\U00010000\U0001f600'))
)

scalars = st.one_of(st.none(), st.booleans(), st.integers(-SAFE, SAFE), doubles, odd_text)


def _nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(odd_text, inner, max_size=5)),
        max_leaves=20,
    )


json_values = _nested(scalars)
"""Values that have a canonical form."""

foreign_values = _nested(st.one_of(scalars, st.integers(-(10**30), 10**30)))
"""Values of foreign JSON: integers of any size."""
