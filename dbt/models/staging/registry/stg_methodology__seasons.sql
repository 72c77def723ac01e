select
    season,
    cast(hijri_month as integer) as hijri_month,
    cast(first_day as integer) as first_day,
    cast(last_day as integer) as last_day
from {{ source('snapshots', 'seasons') }}
