"""Names of time zones that settings and contracts may use.

Belongs here: which names exist. Does not belong here: reading of texts with zones (`ingestion.zones`).
"""

from functools import cache

import duckdb

UTC = "UTC"


@cache
def known_places() -> tuple[str, ...]:
    """Zones named by a region and a place, as DuckDB knows them, so that every machine knows the same."""
    with duckdb.connect() as connection:
        found = connection.execute(
            "select name from pg_timezone_names() where contains(name, '/') order by name"
        ).fetchall()
    return tuple(name for (name,) in found)


def is_zone(name: str) -> bool:
    """Return whether a zone may be named: UTC, or a region and a place."""
    return name == UTC or name in known_places()
