"""What the service is asked: a portfolio, what can be traded at which price, and what it should look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    StringConstraints,
)
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class DecimalText:
    """A decimal number as text of a form: so nobody's JSON rounds it, and there is one way to write it."""

    pattern: str

    def read(self, value: object) -> Decimal:
        """The number. Raises `ValueError` for any other form, and for a JSON number."""
        if isinstance(value, str) and re.fullmatch(self.pattern, value, re.ASCII):
            return Decimal(value)
        raise ValueError(f"a decimal number is text that fits {self.pattern}")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": self.pattern}


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[Decimal, DecimalText(r"^[0-9]{1,15}(\.[0-9]{1,2})?$")]
Quantity = Annotated[Decimal, DecimalText(r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
Positive = Annotated[Decimal, DecimalText(r"^([1-9][0-9]{0,9}(\.[0-9]{1,6})?|0\.[0-9]{0,5}[1-9]0{0,6})$")]
Exchange = Annotated[Decimal, DecimalText(r"^([1-9][0-9]{0,7}(\.[0-9]{1,8})?|0\.[0-9]{0,7}[1-9]0{0,8})$")]
Weight = Annotated[Decimal, DecimalText(r"^(0(\.[0-9]{1,8})?|1(\.0{1,8})?)$")]

NO_OTHERS: dict[str, JsonValue] = {"additionalProperties": False}
"""Of a mapping whose names follow a pattern."""
MAX_LINES = 500
"""Positions, instruments or targets of one request."""


class Model(BaseModel):
    """Frozen, and closed: a member that is misspelt is an error and not an option that nobody sees."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Portfolio(Model):
    """What is there: money by currency, pieces by instrument. Values are told in the base currency."""

    portfolio_id: Name
    base_currency: Currency
    cash: dict[Currency, Amount] = Field(default={}, max_length=50, json_schema_extra=NO_OTHERS)
    positions: dict[Name, Quantity] = Field(default={}, max_length=MAX_LINES, json_schema_extra=NO_OTHERS)


class Instrument(Model):
    """What can be traded: `SELL_ONLY` is never bought, `BLOCKED` is not traded at all."""

    currency: Currency
    asset_class: Literal["EQUITY", "BOND", "FUND", "OTHER"] = "EQUITY"
    status: Literal["APPROVED", "SELL_ONLY", "BLOCKED"] = "APPROVED"
    lot_size: Positive = Decimal(1)
    price: Positive | None = None


class Options(Model):
    """How much may differ before anything is done, and what must not happen."""

    drift_band: Weight = Field(
        default=Decimal("0.01"), description="Up to this distance from its target a weight is left."
    )
    cash_buffer: Weight = Field(default=Decimal(0), description="This share of the value stays cash.")
    min_notional: Amount = Field(default=Decimal(0), description="Smaller orders, in base currency, are not made.")
    max_position: Weight | None = Field(default=None, description="No position may weigh more. A hard rule.")
    max_turnover: Weight | None = Field(default=None, description="Traded value by total value. A soft rule.")


class RebalanceRequest(Model):
    """Everything that the plan depends on: the same request has the same plan.

    `rates` are what a unit of a currency is worth in the base currency, `targets` the share of the portfolio's value
    that an instrument should have. What no target takes stays cash.
    """

    portfolio: Portfolio
    instruments: dict[Name, Instrument] = Field(default={}, max_length=MAX_LINES, json_schema_extra=NO_OTHERS)
    rates: dict[Currency, Exchange] = Field(default={}, max_length=50, json_schema_extra=NO_OTHERS)
    targets: dict[Name, Weight] = Field(default={}, max_length=MAX_LINES, json_schema_extra=NO_OTHERS)
    options: Options = Options()
