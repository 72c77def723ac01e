select
    model_id,
    cast(level as integer) as level,
    cast(adoption as double) as adoption,
    cast(share as double) as share
from {{ source('snapshots', 'maturity_gates') }}
