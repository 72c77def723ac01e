select
    model_id,
    practice_id,
    dimension,
    cast(level as integer) as level,
    is_mandatory = 'true' as is_mandatory,
    measure,
    steps,
    name_ar,
    name_en
from {{ source('snapshots', 'maturity_practices') }}
