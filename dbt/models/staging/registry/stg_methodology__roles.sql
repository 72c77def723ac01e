select
    role,
    metric_id
from {{ source('snapshots', 'roles') }}
