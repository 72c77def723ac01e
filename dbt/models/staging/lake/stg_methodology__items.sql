select
    role,
    item
from {{ source('snapshots', 'items') }}
