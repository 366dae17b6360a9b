"""The levels of risk that a policy knows, mildest first. A level that it does not know counts as the worst."""

from __future__ import annotations

from runstone.core.policy.decision import ALLOW, BLOCK, REVIEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Levels:
    """An order of levels, mildest first, the one from which on work is blocked, and the one from which on it is to be
    reviewed, if any."""

    __slots__ = ("blocks", "order", "review")

    def __init__(self, order: tuple[str, ...], blocks: str, review: str | None) -> None:
        self.order = order
        self.blocks = blocks
        self.review = review

    @property
    def mildest(self) -> str:
        """The level of what holds."""
        return self.order[0]

    @property
    def worst(self) -> str:
        """The level of what is not known."""
        return self.order[-1]

    def known(self, level: Any) -> bool:
        """Whether it is one of them."""
        return isinstance(level, str) and level in self.order

    def worst_of(self, levels: list[str]) -> str:
        """The worst of levels that are known; the mildest where there is none."""
        return max(levels, key=self.order.index, default=self.mildest)

    def outcome(self, level: str) -> str:
        """What a decision of that level says: `allow`, `review` or `block`."""
        place = self.order.index
        if place(level) >= place(self.blocks):
            return BLOCK
        return REVIEW if self.review is not None and place(level) >= place(self.review) else ALLOW


def levels_problem(order: Any, blocks: Any, review: Any) -> tuple[str, str] | None:
    """What is wrong with what is to be levels, as the setting and the words; or `None`."""
    if not isinstance(order, (list, tuple)) or not all(isinstance(level, str) and level for level in order):
        return "levels", "is no list of texts"
    if len(order) < 2 or len(set(order)) != len(order):
        return "levels", "has not two levels or more, each once: the mildest first, the worst last"
    if blocks not in order:
        return "blocks", f"is none of the levels; it names the mildest one that blocks: {', '.join(order)}"
    if blocks == order[0]:
        return "blocks", "names the mildest level: nothing would ever be allowed"
    if review is not None and (review not in order or not 0 < order.index(review) < order.index(blocks)):
        return "review", "is no level between the mildest and the one that blocks"
    return None
