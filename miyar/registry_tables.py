"""The tables of the registry: their columns, their ids, and which of them refer to each other.

Belongs here: that list. Does not belong here: reading and checking the tables (`registry`).
"""

# Table -> (its columns, the id column, columns that reference ids of other tables). All columns are text; `aliases` are
# separated by `|`. A workspace may lack files it does not need, but agencies.csv and owed.csv are required.
TABLES: dict[str, tuple[tuple[str, ...], str, dict[str, str]]] = {
    "agencies": (
        (
            "agency_id",
            "name_ar",
            "name_en",
            "sector",
            "peer_group",
            "size_class",
            "valid_from",
            "valid_to",
            "aliases",
        ),
        "agency_id",
        {"successor": "agencies"},
    ),
    "providers": (("provider_id", "name_ar", "name_en"), "provider_id", {}),
    "services": (
        ("service_id", "agency_id", "name_ar", "name_en", "digital_stage", "aliases"),
        "service_id",
        {"agency_id": "agencies"},
    ),
    "regions": (("region_id", "name_ar", "name_en", "aliases"), "region_id", {}),
    "branches": (
        ("branch_id", "agency_id", "region_id", "name_ar", "name_en", "aliases"),
        "branch_id",
        {"agency_id": "agencies", "region_id": "regions"},
    ),
    "journeys": (("journey_id", "name_ar", "name_en", "aliases"), "journey_id", {}),
    "journey_steps": (
        ("step_id", "journey_id", "step", "service_id", "stage"),
        "step_id",
        {"journey_id": "journeys", "service_id": "services"},
    ),
    "owed": (("agency_id", "feed", "from_period", "to_period"), "", {"agency_id": "agencies"}),
    # What sets an agency apart from others before it does anything: whom it serves, and where. For its statistical neighbours.
    "context": (("agency_id", "variable", "value", "source"), "", {"agency_id": "agencies"}),
    # Effects of survey modes on a metric, in its unit, from studies that randomised the mode; the reference has effect 0, and
    # the error of its mean there (`reference_error`) is in all effects measured against it.
    "overlap_studies": (("metric_id", "mode", "effect", "standard_error", "reference_error", "source"), "", {}),
}
# Columns a table may have after the others; where they are missing they are empty.
OPTIONAL = {
    "agencies": ("successor",),
    "services": ("valid_from", "valid_to"),
    "branches": ("valid_from", "valid_to"),
}
NUMBERS = ("effect", "standard_error", "reference_error", "value")
# Columns that together name a row of a table without ids.
KEYS = {"context": ("agency_id", "variable")}
PERIODS = ("valid_from", "valid_to", "from_period", "to_period")
REQUIRED = ("agencies", "owed")


def columns_of(table: str) -> tuple[str, ...]:
    """All columns of a table, those it may lack last."""
    return TABLES[table][0] + OPTIONAL.get(table, ())
