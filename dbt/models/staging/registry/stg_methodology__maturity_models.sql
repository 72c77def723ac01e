select
    model_id,
    cast(unshown as double) as unshown
from {{ source('snapshots', 'maturity_models') }}
