select
    model_id,
    cast(unshown as double) as unshown
from {{ snapshot('registry/maturity_models') }}
