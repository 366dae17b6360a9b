"""Faults of our own code, told from what a signal handler raises into it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    Given = ParamSpec("Given")
    Answer = TypeVar("Answer")


class FaultError(Exception):
    """Our own code failed, as the redactor where what it was looking at is then not known to be clean."""


def attempt(work: Callable[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
    """What a part of our own code answers. Raises `FaultError` for a fault of it, and as it is what a signal handler
    raises into it, as a timeout: a fault comes again.

    So `work` is done once more where it raises. It is short, and what it changes does not count then.
    """
    raised: dict[type[Exception], Exception] = {}
    try:
        while True:
            try:
                answer = work(*given, **named)
            except (ImportError, MemoryError, RecursionError) as exc:
                raise FaultError from exc
            except Exception as exc:
                kind = type(exc)
                if kind not in raised:
                    raised[kind] = exc
                    continue
                if len(raised) == 1:
                    raise FaultError from raised[kind]
                del raised[kind]
            if not raised:
                return answer
            raise next(iter(raised.values()))  # it came once: a handler's
    finally:
        raised.clear()  # an exception holds this frame, and would hold itself
