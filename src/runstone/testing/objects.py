"""The conformance suite of port `objects`. An adapter's whole test is a fixture:

    class TestMyStore(DurableObjectsSuite):
        @pytest.fixture
        def ground(self, tmp_path):
            return MyGround(tmp_path)

`ground` has `make()`, which opens the store anew, and `raw_read` and `raw_write`, which go round it
(`runstone.testing.ground.Ground`). A wrapper around a store passes the same suite. `runstone.testing.zoo` shows that
each test here fails on a store that breaks its promise.
"""

from __future__ import annotations

from runstone.testing.durability import DurableSuite
from runstone.testing.purging import PurgingSuite
from runstone.testing.racing import RacingSuite
from runstone.testing.reading import ReadingSuite
from runstone.testing.writing import WritingSuite


class ObjectsSuite(WritingSuite, ReadingSuite, RacingSuite, PurgingSuite):
    """What every store promises. Subclasses give the fixture `ground`."""


class DurableObjectsSuite(ObjectsSuite, DurableSuite):
    """What a store promises whose bundles survive the process. Its ground has `watch()` too."""
