select
    model_id,
    dimension,
    cast(weight as double) as weight
from {{ snapshot('registry/maturity_dimensions') }}
