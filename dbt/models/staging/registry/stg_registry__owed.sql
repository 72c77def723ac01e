select
    agency_id,
    feed,
    from_period,
    to_period
from {{ snapshot('registry/owed') }}
