"""What the change of a total consists of: agencies that stayed, entered and left.

Belongs here: the section that national and regional reports share. Does not belong here: the totals and their changes themselves
(`sections`).
"""

from publication.documents.model import Section
from publication.documents.tables import Columns, code, count, interval, named, number, source, table_section, words
from publication.shares import Share

# Column prefix of each distance, by its code in the wording.
_DISTANCES = {"quarter": "", "year": "year_"}
_PARTS = (
    "panel_change",
    "continuing_effect",
    "continuing_ci_low",
    "continuing_ci_high",
    "entrants_effect",
    "exits_effect",
    "panel_count",
)
_COLUMNS: Columns = {
    "metric": named,
    "instrument": code("instrument_id"),
    "score_kind": words("score_kind", "score_kinds"),
    "distance": words("distance", "distances"),
    "panel_change": number("panel_change", is_change=True),
    "continuing_effect": number("continuing_effect", is_change=True),
    "continuing_interval": interval("continuing_ci_low", "continuing_ci_high"),
    "entrants_effect": number("entrants_effect", is_change=True),
    "exits_effect": number("exits_effect", is_change=True),
    "panel_count": count("panel_count"),
    "source": source("bench_trends", "trend_id"),
}


def members(share: Share, unit_type: str, unit_id: str, period_id: str) -> Section | None:
    """Show the change of a total's members, the part of those that stayed with its interval, of those that entered and left."""
    if not share.has("bench_trends", "dim_metrics"):
        return None
    distances = " union all ".join(
        f"select '{distance}' as distance, {place} as place, trend_id, metric_id, instrument_id, score_kind, "
        + ", ".join(f"{span}{part} as {part}" for part in _PARTS)
        + " from totals"
        for place, (distance, span) in enumerate(_DISTANCES.items())
    )
    rows = share.rows(
        f"""with totals as (
            select * from bench_trends where unit_type = ? and unit_id = ? and period_id = ? and status = 'reported'
        ),
        parts as ({distances})
        select parts.*, metrics.name_ar, metrics.name_en
        from parts inner join dim_metrics as metrics using (metric_id)
        where panel_change is not null and metrics.is_headline
        order by metric_id, instrument_id, score_kind, place""",
        unit_type,
        unit_id,
        period_id,
    )
    return table_section("members", "members_how", rows, _COLUMNS)
