"""Calendar quarters as text ids (`2026Q3`), the only reporting grain.

Belongs here: parsing, ordering and arithmetic of period ids. Does not belong here: other calendars (`ingestion.calendars`).
"""

import re
from datetime import date

_PERIOD = re.compile(r"[0-9]{4}Q[1-4]")


def is_period(text: str) -> bool:
    """Return whether a text is a period id such as `2026Q3`."""
    return _PERIOD.fullmatch(text) is not None


def period_of(day: date) -> str:
    """The quarter a Gregorian day falls in."""
    return f"{day.year:04d}Q{(day.month - 1) // 3 + 1}"


def index_of(period_id: str) -> int:
    """Quarters since year 0, for arithmetic; raises ValueError if the text is not a period id."""
    if not is_period(period_id):
        raise ValueError(f"{period_id!r} is no period; write it as 2026Q3")
    return int(period_id[:4]) * 4 + int(period_id[5]) - 1


def shift(period_id: str, quarters: int) -> str:
    """The period this many quarters later (earlier if negative)."""
    index = index_of(period_id) + quarters
    return f"{index // 4:04d}Q{index % 4 + 1}"


def period_range(first: str, last: str) -> list[str]:
    """All periods from first to last, both included; empty when last is before first."""
    return [shift(first, step) for step in range(index_of(last) - index_of(first) + 1)]


def first_day(period_id: str) -> date:
    """The quarter's first Gregorian day."""
    index = index_of(period_id)
    return date(index // 4, index % 4 * 3 + 1, 1)


def last_day(period_id: str) -> date:
    """The quarter's last Gregorian day."""
    return date.fromordinal(first_day(shift(period_id, 1)).toordinal() - 1)
