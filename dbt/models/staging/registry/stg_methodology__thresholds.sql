select
    name,
    cast(value as double) as value
from {{ snapshot('registry/thresholds') }}
