select
    '{{ var("methodology_version") }}' as methodology_version,
    agency_id,
    neighbour_id,
    cast(place as integer) as place,
    variable,
    case when isfinite(distance) then cast(round(distance, 4) as decimal(12, 4)) end as distance,
    case when isfinite(gap) then cast(round(gap, 4) as decimal(12, 4)) end as gap,
    case when isfinite(contribution) then cast(round(contribution, 4) as decimal(12, 4)) end as contribution,
    reason
from {{ ref('int_neighbours__found') }}
