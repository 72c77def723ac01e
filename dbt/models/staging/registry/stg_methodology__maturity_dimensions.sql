select
    model_id,
    dimension,
    cast(weight as double) as weight
from {{ source('snapshots', 'maturity_dimensions') }}
