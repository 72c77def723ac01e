"""A value of a library as the text it stands for.

Belongs here: numbers, dates, times and durations of every binary format. Does not belong here: what a text means (`mapping`).
"""

import datetime as dt
import math
from typing import Any

_EXACT = 2**53  # whole numbers up to this are exact as floats
_NO_NUMBER = "#NUM!"  # what spreadsheets show for infinities and NaN, which some programs write as cells


def cell_text(value: Any, decimal: str) -> str:
    """A cell as text: ISO dates, whole numbers without a decimal part, the contract's decimal mark.

    Times of day and durations alike are `hh:mm:ss`, with the fraction of a second if there is one.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if not math.isfinite(value):
            return _NO_NUMBER
        if value == int(value) and abs(value) <= _EXACT:
            return str(int(value))
        return repr(value).replace(".", decimal)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time.min else value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        value = dt.timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
        )
    if isinstance(value, dt.timedelta):
        return _clock(value)
    return str(value)


def _clock(value: dt.timedelta) -> str:
    milliseconds = round(abs(value) / dt.timedelta(milliseconds=1))
    seconds, fraction = divmod(milliseconds, 1000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    text += f".{fraction:03}".rstrip("0") if fraction else ""
    return f"-{text}" if value < dt.timedelta(0) else text
