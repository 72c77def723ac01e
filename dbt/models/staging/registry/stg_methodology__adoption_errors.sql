select
    cast(assessed as integer) as assessed,
    cast(verified as integer) as verified,
    cast(probability as double) as probability
from {{ source('snapshots', 'adoption_errors') }}
