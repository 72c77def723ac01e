select
    agency_id,
    variable,
    cast(value as double) as value,
    source
from {{ source('snapshots', 'context') }}
