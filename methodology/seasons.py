"""Share of each quarter's days that fall in Ramadan, Hajj and Eid, by the Umm al-Qura calendar.

Belongs here: the days of the methodology's seasons laid over Gregorian quarters. Does not belong here: which days make a season
(`seasons.csv`) and what a season explains (it is shown next to a change and excuses nobody).
"""

from collections.abc import Mapping
from datetime import date, timedelta

import pandas as pd
from hijridate import Hijri
from hijridate.ummalqura import GREGORIAN_RANGE, HIJRI_RANGE

COLUMNS = {"period_id": "string", "season": "string", "days": "int64", "share": "float64"}


def seasons_of(quarters: Mapping[str, tuple[date, date]], seasons: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of every quarter and season.

    quarters: first and last day by period_id; seasons: hijri_month, first_day and last_day, one row a span of a season.
    """
    rows: list[tuple[object, ...]] = []
    for period, (first, last) in quarters.items():
        # Outside the published calendar tables nothing is known, which is not the same as no season.
        if not date(*GREGORIAN_RANGE[0]) <= first < last + timedelta(1) <= date(*GREGORIAN_RANGE[1]):
            continue
        for season, spans in seasons.groupby("season", sort=True):
            days = sum(first <= day <= last for day in _days(spans, first.year))
            rows.append((period, season, days, days / ((last - first).days + 1)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _days(spans: pd.DataFrame, year: int) -> set[date]:
    """Days of a season in the Hijri years that touch a Gregorian year: each of them once."""
    days: set[date] = set()
    middle = round((year - 622) * 33 / 32)
    for hijri in range(max(middle - 1, HIJRI_RANGE[0][0]), min(middle + 2, HIJRI_RANGE[1][0]) + 1):
        for month, first, last in spans[["hijri_month", "first_day", "last_day"]].astype(int).to_numpy().tolist():
            start = Hijri(hijri, month, first)
            length = min(last, start.month_length()) - first + 1
            days |= {start.to_gregorian() + timedelta(step) for step in range(length)}
    return days
