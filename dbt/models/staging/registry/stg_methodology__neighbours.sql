select
    variable,
    cast(weight as double) as weight,
    transform
from {{ source('snapshots', 'neighbours') }}
