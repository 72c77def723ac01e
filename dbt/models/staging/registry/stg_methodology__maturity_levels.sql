select
    model_id,
    cast(level as integer) as level,
    cast(from_score as double) as from_score,
    name_ar,
    name_en
from {{ source('snapshots', 'maturity_levels') }}
