select
    adjuster,
    role
from {{ source('snapshots', 'adjusters') }}
