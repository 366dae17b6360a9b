"""What the functions of `import runstone` refuse."""

from __future__ import annotations

from typing import Any

import pytest

import runstone


@pytest.mark.parametrize("found", ["{}", None, 7, memoryview(b"{}")])
def test_canonical_json_is_bytes(found: Any) -> None:
    """Anything else is refused in words, and not by what it happens to lack."""
    with pytest.raises(runstone.InvalidInput, match=f"is bytes.*found {type(found).__name__}"):
        runstone.parse_canonical(found)
