select
    margin,
    empty_level_goes_to,
    must_be_known = 'true' as must_be_known
from {{ source('snapshots', 'margins') }}
