select period_id
from {{ source('snapshots', 'periods') }}
