"""Share of each quarter's days that fall in Ramadan, Hajj and Eid, by the Umm al-Qura calendar.

Belongs here: the days of the methodology's seasons laid over Gregorian quarters. Does not belong here: which days make a
season (`seasons.csv`) and what a season explains (nobody's excuse: it stands beside the change).
"""

from datetime import date, timedelta

import pandas as pd
from hijridate import Hijri
from hijridate.ummalqura import GREGORIAN_RANGE, HIJRI_RANGE

from miyar.relations import Dbt, read

COLUMNS = {"period_id": "string", "season": "string", "days": "int64", "share": "float64"}


def model(dbt: Dbt, session: object) -> pd.DataFrame:
    dbt.config(materialized="table")
    periods = read(dbt.ref("stg_workspace__periods"))
    seasons = read(dbt.ref("stg_methodology__seasons"))
    rows = []
    for period in sorted(periods["period_id"]):
        first, after = _quarter(period)
        # Beyond the published tables of the calendar nothing is known, which is not the same as no season.
        if not date(*GREGORIAN_RANGE[0]) <= first < after <= date(*GREGORIAN_RANGE[1]):
            continue
        for season, spans in seasons.groupby("season", sort=True):
            days = sum(first <= day < after for day in _days(spans, first.year))
            rows.append((period, season, days, days / (after - first).days))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _quarter(period):
    year, quarter = int(period[:4]), int(period[5])
    after = date(year + 1, 1, 1) if quarter == 4 else date(year, quarter * 3 + 1, 1)
    return date(year, quarter * 3 - 2, 1), after


def _days(spans, year):
    """Days of a season in the Hijri years that touch a Gregorian year: each of them once."""
    days = set()
    middle = round((year - 622) * 33 / 32)
    for hijri in range(max(middle - 1, HIJRI_RANGE[0][0]), min(middle + 2, HIJRI_RANGE[1][0]) + 1):
        for span in spans.itertuples(index=False):
            start = Hijri(hijri, int(span.hijri_month), int(span.first_day))
            length = min(int(span.last_day), start.month_length()) - int(span.first_day) + 1
            days |= {start.to_gregorian() + timedelta(step) for step in range(length)}
    return days
