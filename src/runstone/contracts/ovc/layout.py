"""Where `ovc` runs stand, what their files are called, and the grammar of their run ids.

A run id is `<utc_yyyymmddThhmmssZ>__<pipeline_id>__<git_sha7>`.
"""

from __future__ import annotations

from runstone.core.limits import MAX_RUN_ID_LENGTH
from runstone.core.times import is_time, second_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

DEFAULT_STORE: Final = "reports/runs"
RUN: Final = "run.json"
CHECKS: Final = "checks.json"
LOG: Final = "run.log"

SHA7_LENGTH: Final = 7
MAX_SHA_LENGTH: Final = 64
_SEPARATOR: Final = "__"
_TIME_LENGTH: Final = len("20260117T143052Z")
MAX_PIPELINE_ID_LENGTH: Final = MAX_RUN_ID_LENGTH - _TIME_LENGTH - SHA7_LENGTH - 2 * len(_SEPARATOR)
_HEX: Final = frozenset("0123456789abcdef")
_PIPELINE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")


def run_id(seconds: int, pipeline_id: str, sha7: str) -> str:
    """The run id of a second (Unix time, UTC), a pipeline and the first seven digits of a commit."""
    compact = second_text(seconds).replace("-", "").replace(":", "")
    return _SEPARATOR.join((f"{compact}Z", pipeline_id, sha7))


def is_run_id(text: Any) -> bool:
    """Whether `text` is such a run id, of a second that exists."""
    if not isinstance(text, str) or len(text) > MAX_RUN_ID_LENGTH:
        return False
    parts = text.split(_SEPARATOR)
    return (
        len(parts) == 3
        and _is_compact_time(parts[0])
        and is_pipeline_id(parts[1])
        and len(parts[2]) == SHA7_LENGTH
        and is_sha(parts[2])
    )


def _is_compact_time(text: str) -> bool:
    spread = f"{text[:4]}-{text[4:6]}-{text[6:11]}:{text[11:13]}:{text[13:15]}.000000{text[15:]}"
    return len(text) == _TIME_LENGTH and is_time(spread)


def is_pipeline_id(text: Any) -> bool:
    """Whether `text` can stand in a run id: letters, digits and `-`, short enough."""
    return isinstance(text, str) and 0 < len(text) <= MAX_PIPELINE_ID_LENGTH and _PIPELINE.issuperset(text)


def is_sha(text: str) -> bool:
    """Whether `text` is a commit: 7 to 64 hexadecimal digits in lower case."""
    return SHA7_LENGTH <= len(text) <= MAX_SHA_LENGTH and _HEX.issuperset(text)
