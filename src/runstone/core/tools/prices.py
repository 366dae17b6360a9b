"""Price tables: what tokens of a model cost, as data; and amounts of money, exact.

- A price is decimal text for a million tokens. An amount is an integer in parts of `SCALE`, so no sum is rounded.
- A model is looked up by its name, then by the pattern that says most of it (`*` stands for any text).
- A model that is not there has no price, which is not a price of 0.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes, number_text, pointer
from runstone.core.digests import sha256_hex
from runstone.core.parsing import load
from runstone.core.policy.loading import Place
from runstone.core.query import glob_fits
from runstone.core.values import is_finite
from runstone.core.words import TOKENS
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    Usage = Mapping[str, int]
    """`input_tokens` (all of them), `output_tokens`, `cached_tokens` (how many of the input came from a cache)."""

PRICES: Final = ("input", "output", "cached_input")
PER_TOKENS: Final = 1_000_000
FRACTION_DIGITS: Final = 12
WHOLE_DIGITS: Final = 15
AMOUNT_LIMITS: Final = f"at most {WHOLE_DIGITS} digits before the point and {FRACTION_DIGITS} behind it"
SCALE: Final = 10**FRACTION_DIGITS * PER_TOKENS
"""Parts of one unit of a currency in which amounts are counted."""


def amount_of(value: Any) -> int | None:
    """Decimal text, or a number, in parts of `SCALE`; `None` for anything else, and beyond `AMOUNT_LIMITS`. A float is
    taken at as many digits behind the point, and is not 0 if it is more."""
    if type(value) in (int, float):
        if not is_finite(value):
            return None
        digits = _decimal_text(value)
        if value and not float(digits):
            return None
        value = digits
    if not isinstance(value, str) or not value.isascii():
        return None
    whole, dot, part = value.partition(".")
    if not whole.isdecimal() or len(whole) > WHOLE_DIGITS or len(part) > FRACTION_DIGITS:
        return None
    if dot and not part.isdecimal():
        return None
    return (int(whole) * 10**FRACTION_DIGITS + int(part.ljust(FRACTION_DIGITS, "0"))) * PER_TOKENS


def _decimal_text(value: float) -> str:
    """The digits of a number, without an exponent and without those that an amount has not."""
    from decimal import Decimal

    whole, _, part = format(Decimal(number_text(value)), "f").partition(".")
    return (
        f"{Decimal(f'{whole}.{part}'):.{FRACTION_DIGITS}f}" if len(part) > FRACTION_DIGITS else f"{whole}.{part or 0}"
    )


def amount_text(amount: int) -> str:
    """An amount as decimal text, exact, without needless zeros."""
    whole, part = divmod(amount, SCALE)
    digits = str(part).rjust(len(str(SCALE)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


class _PricePlace(Place):
    """A table of a price table."""

    __slots__ = ()
    code = "invalid_price_table"
    thing = "the price table"


class PriceTable:
    """What models cost. `sha256` is the digest of the canonical bytes of `data`, the whole document."""

    __slots__ = ("_exact", "_patterns", "currency", "data", "name", "sha256", "version")

    def __init__(self, document: Any, path: str = "prices") -> None:
        whole = _PricePlace(document, path, "", {}, ("name", "version", "currency", "models"))
        self.name = whole.text("name")
        self.version = whole.text("version")
        self.currency = whole.text("currency")
        models = whole.value.get("models")
        if not isinstance(models, dict):
            raise whole.wrong("needs 'models', a table of prices by model")
        priced = {str(model): _prices(model, table, path) for model, table in models.items()}
        self._exact = {model: prices for model, prices in priced.items() if "*" not in model}
        patterns = sorted(set(priced) - set(self._exact), key=lambda model: (model.count("*") - len(model), model))
        self._patterns = [(tuple(pattern.split("*")), priced[pattern]) for pattern in patterns]
        try:
            spelled = canonical_bytes(whole.value)
        except RunstoneError as exc:
            raise whole.wrong(f"holds something that JSON cannot hold: {exc.message}") from None
        self.data: dict[str, Any] = load(spelled)
        self.sha256 = sha256_hex(spelled)

    @classmethod
    def of(cls, document: Any, path: str = "prices") -> PriceTable:
        """The table of a document (`name`, `version`, `currency`, `models`); raises `invalid_price_table`.

        Prices are `input`, `output` and perhaps `cached_input`, without which cached tokens cost what others do.
        """
        return cls(dict(document) if hasattr(document, "keys") else document, path)

    def amount(self, model: str, usage: Usage) -> int | None:
        """What tokens of a model cost, in parts of `SCALE`; `None` for a model that has no price."""
        prices = self._of(model)
        if prices is None:
            return None
        given, out, cached = (usage[name] for name in TOKENS)
        price, out_price, cached_price = prices
        return (max(0, given - cached) * price + cached * cached_price + out * out_price) // PER_TOKENS

    def cost(self, amount: int) -> dict[str, str]:
        """An amount as it is recorded."""
        return {"amount": amount_text(amount), "currency": self.currency, "prices_sha256": self.sha256}

    def _of(self, model: str) -> tuple[int, int, int] | None:
        if model in self._exact:
            return self._exact[model]
        return next((prices for parts, prices in self._patterns if glob_fits(parts, model)), None)

    def __repr__(self) -> str:
        return f"<PriceTable {self.name} {self.version}>"


def _prices(model: Any, table: Any, path: str) -> tuple[int, int, int]:
    place = _PricePlace(table, path, pointer(["models", str(model)]), {}, PRICES)
    amounts = {name: amount_of(value) if isinstance(value, str) else None for name, value in place.value.items()}
    for name in ("input", "output", *amounts):
        if amounts.get(name) is None:
            digits = f"at most {FRACTION_DIGITS} digits behind the point"
            raise place.wrong(f"needs {name!r}, the price of a million tokens as decimal text, {digits}")
    found = {name: amount for name, amount in amounts.items() if amount is not None}
    return found["input"], found["output"], found.get("cached_input", found["input"])
