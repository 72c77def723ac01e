select
    agency_id,
    feed,
    from_period,
    to_period
from {{ source('snapshots', 'owed') }}
