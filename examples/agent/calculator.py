"""Arithmetic on numbers that are written out: what an agent should not do in its head.

`+ - * / // % **` and brackets, on integers and decimals; nothing else is an expression here. Numbers are exact
fractions; what they come to is bounded before it is computed.
"""

import ast
from collections.abc import Callable
from fractions import Fraction

MAX_CHARACTERS = 200
MAX_EXPONENT = 64
MAX_DIGITS = 400


class CalculationError(ValueError):
    """What was given is no expression, or comes to nothing."""


def calculate(expression: str) -> str:
    """The value of an expression as text: an integer, or a decimal rounded to 12 digits. Raises `CalculationError`."""
    if len(expression) > MAX_CHARACTERS:
        raise CalculationError(f"an expression has at most {MAX_CHARACTERS} characters")
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, OverflowError, RecursionError, MemoryError) as exc:
        raise CalculationError(f"no value: {type(exc).__name__}") from exc
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.12g}"


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return _bounded(_OPERATORS[type(operator)](_value(left), _value(right)))
    raise CalculationError("only numbers, brackets and + - * / // % ** are understood")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT:
        raise CalculationError(f"an exponent is a whole number up to {MAX_EXPONENT}")
    return _bounded(Fraction(base ** int(exponent)))


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_DIGITS * 4:
        raise CalculationError("the value is too large")
    return value


_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: lambda a, b: a % b,
}
