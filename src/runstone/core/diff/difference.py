"""One thing that differs: where it stands, what it is on both sides, and how far apart numbers are."""

from __future__ import annotations

from runstone.core.values import is_finite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

ABSENT: Final[Any] = object()
"""Not there; another thing than null."""

ADDED: Final = "added"
REMOVED: Final = "removed"
CHANGED: Final = "changed"


class Difference:
    """One thing that differs between runs `a` and `b`.

    `section` and `name` say what it is, `place` where inside of it. `change` is `added` (b alone has it), `removed`
    (a alone has it) or `changed`. `difference` is b - a of two numbers, `relative` that in parts of |a|; `None` where
    there is none. `outcome` says whether the outcome digest covers it. `lines` is a text's unified diff, `more` how
    many lines or places were left out behind it, `note` a remark.
    """

    __slots__ = (
        "a", "b", "change", "difference", "lines", "more", "name", "note", "outcome", "place", "relative", "section",
    )  # fmt: skip

    def __init__(
        self,
        section: str,
        name: str,
        a: Any,
        b: Any,
        *,
        outcome: bool = False,
        place: str | None = None,
        numbers: tuple[Any, Any] | None = None,
        lines: list[str] | None = None,
    ) -> None:
        self.section = section
        self.name = name
        self.place = place
        self.change = ADDED if a is ABSENT else REMOVED if b is ABSENT else CHANGED
        self.a = None if a is ABSENT else a
        self.b = None if b is ABSENT else b
        self.outcome = outcome
        self.difference, self.relative = apart(*((a, b) if numbers is None else numbers))
        if self.difference == 0:  # of two sizes, of two last values: what differs is something else
            self.difference = self.relative = None
        self.lines = lines
        self.more = 0
        self.note: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The fields for JSON; `a` and `b` only where that side has the thing, the rest only where there is some."""
        found: dict[str, Any] = {"section": self.section, "name": self.name, "change": self.change}
        if self.place is not None:
            found["place"] = self.place
        if self.change != ADDED:
            found["a"] = self.a
        if self.change != REMOVED:
            found["b"] = self.b
        found["outcome"] = self.outcome
        for field in ("difference", "relative", "lines", "note"):
            value = getattr(self, field)
            if value is not None:
                found[field] = value
        if self.more:
            found["more"] = self.more
        return found

    def __repr__(self) -> str:
        where = " ".join(part for part in (self.section, self.name, self.place) if part)
        return f"<Difference {where} {self.change}>"


def is_number(value: Any) -> bool:
    """Whether there is arithmetic on `value`; on `"NaN"`, which is text, there is none, nor on true and false."""
    return type(value) in (int, float)


def apart(a: Any, b: Any) -> tuple[int | float | None, float | None]:
    """b - a, and that in parts of |a|; `None` where one is no number, or the answer would be none."""
    if not is_number(a) or not is_number(b):
        return None, None
    try:
        difference = b - a
        if not is_finite(difference):
            return None, None
        relative = difference / abs(a) if a else None
    except OverflowError:  # integers of foreign JSON have any size
        return None, None
    return difference, relative if relative is None or is_finite(relative) else None
