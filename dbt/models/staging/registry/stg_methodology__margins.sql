select
    margin,
    empty_level_goes_to
from {{ source('snapshots', 'margins') }}
