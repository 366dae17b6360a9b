"""UTC timestamps as text and as nanoseconds, by arithmetic alone: no clock and no time zone is asked.

The form is `YYYY-MM-DDTHH:MM:SS.ffffffZ`. Days follow the proleptic Gregorian calendar. There is no time
outside the years 1970 to 9999: a clock that shows one is held at the nearer border, so that a broken clock neither
breaks the work nor makes text that sorts wrongly.
"""

from __future__ import annotations

from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

SECOND_NS: Final = 1_000_000_000
SECOND_US: Final = 1_000_000
_DAY_S: Final = 86_400
_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z
_LAST_NS: Final = _LAST_SECOND * SECOND_NS + SECOND_NS - 1


def second_text(seconds: int) -> str:
    """`YYYY-MM-DDTHH:MM:SS` of Unix seconds, from 1970-01-01T00:00:00 to 9999-12-31T23:59:59; held there."""
    seconds = min(max(seconds, 0), _LAST_SECOND)
    days, rest = divmod(seconds, _DAY_S)
    return f"{_day_text(days)}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def _day_text(days: int) -> str:
    """The date; that of the last call is kept, as it is asked for again and again."""
    global _last_day
    known, text = _last_day
    if days != known:
        year, month, day = _civil(days)
        text = f"{year:04d}-{month:02d}-{day:02d}"
        _last_day = days, text
    return text


_last_day = (0, "1970-01-01")


def time_text(unix_ns: int) -> str:
    """The timestamp of Unix nanoseconds, cut to microseconds; held at the first and the last that there is."""
    seconds, rest = divmod(min(max(unix_ns, 0), _LAST_NS), SECOND_NS)
    return f"{second_text(seconds)}.{rest // 1000:06d}Z"


def is_time(text: Any) -> bool:
    """Whether `text` is a timestamp of exactly this form and names a moment that exists."""
    if not isinstance(text, str) or len(text) != 27 or not text.isascii():
        return False
    if not (text[4] == text[7] == "-" and text[10] == "T" and text[13] == text[16] == ":" and text[19] == "."):
        return False
    digits = text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:19] + text[20:26]
    if text[26] != "Z" or not digits.isdigit():
        return False
    month, day = int(text[5:7]), int(text[8:10])
    return (
        text >= "1970"
        and 1 <= month <= 12
        and 1 <= day <= _month_days(int(text[:4]), month)
        and text[11:13] < "24"
        and text[14:16] < "60"
        and text[17:19] < "60"
    )


def is_moment(text: str) -> bool:
    """Whether `text` is a moment in a usual form: date and time of RFC 3339, whatever its decimals and its zone."""
    rest = text[19:].lstrip(".,0123456789")
    zone = rest in ("Z", "z") or (len(rest) == 6 and rest[0] in "+-" and rest[3] == ":")
    return zone and is_time(f"{text[:10]}T{text[11:19]}.000000Z") and text[10] in "Tt "


def parse_time(text: str) -> int:
    """Unix nanoseconds of a timestamp; raises `invalid_event`."""
    if not is_time(text):
        raise error(
            "invalid_event", f"{excerpt(text, 40)!r} is not a UTC time with six decimals and Z", found=excerpt(text, 40)
        )
    days = _days(int(text[:4]), int(text[5:7]), int(text[8:10]))
    seconds = days * _DAY_S + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return seconds * SECOND_NS + int(text[20:26]) * 1000


def _month_days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01, by 400-year eras that begin in March."""
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    return year_of_era + era * 400 + (month <= 2), month, day


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; the inverse of `_civil`."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
