"""What the service is asked: a portfolio, what can be traded at which price, and what it should look like."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=17, decimal_places=2)]
Quantity = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
Price = Annotated[Decimal, Field(gt=0, max_digits=16, decimal_places=6)]
Weight = Annotated[Decimal, Field(ge=0, le=1, max_digits=9, decimal_places=8)]

MAX_LINES = 500
"""Positions, instruments or targets of one request."""


class Model(BaseModel):
    """Frozen, and closed: a member that is misspelt is an error and not an option that nobody sees."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cash(Model):
    """Money of one currency."""

    currency: Currency
    amount: Amount


class Position(Model):
    """So many pieces of an instrument."""

    instrument_id: Name
    quantity: Quantity


class Portfolio(Model):
    """What is there. Values are told in the base currency."""

    portfolio_id: Name
    base_currency: Currency
    cash: list[Cash] = Field(default=[], max_length=50)
    positions: list[Position] = Field(default=[], max_length=MAX_LINES)


class Instrument(Model):
    """What can be traded: `SELL_ONLY` is never bought, `BLOCKED` is not traded at all."""

    instrument_id: Name
    currency: Currency
    asset_class: Literal["EQUITY", "BOND", "FUND", "OTHER"] = "EQUITY"
    status: Literal["APPROVED", "SELL_ONLY", "BLOCKED"] = "APPROVED"
    lot_size: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=6)] = Decimal(1)
    price: Price | None = None


class Rate(Model):
    """One unit of `currency` is worth `rate` of the portfolio's base currency."""

    currency: Currency
    rate: Annotated[Decimal, Field(gt=0, max_digits=16, decimal_places=8)]


class Target(Model):
    """The share of the portfolio's value that an instrument should have. What no target takes stays cash."""

    instrument_id: Name
    weight: Weight


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
    """Everything that the plan depends on: the same request has the same plan."""

    portfolio: Portfolio
    instruments: list[Instrument] = Field(default=[], max_length=MAX_LINES)
    rates: list[Rate] = Field(default=[], max_length=50)
    targets: list[Target] = Field(default=[], max_length=MAX_LINES)
    options: Options = Options()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        named = {
            "cash": [cash.currency for cash in self.portfolio.cash],
            "positions": [position.instrument_id for position in self.portfolio.positions],
            "instruments": [instrument.instrument_id for instrument in self.instruments],
            "rates": [rate.currency for rate in self.rates],
            "targets": [target.instrument_id for target in self.targets],
        }
        for what, names in named.items():
            if len(set(names)) < len(names):
                raise ValueError(f"{what}: each name stands once")
        if self.portfolio.base_currency in named["rates"]:
            raise ValueError("rates: the base currency has none")
        if sum(target.weight for target in self.targets) > 1:
            raise ValueError("targets: their weights come to more than 1")
        return self
