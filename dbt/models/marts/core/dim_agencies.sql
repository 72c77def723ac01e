select
    agency_id,
    name_ar,
    name_en,
    sector,
    peer_group,
    size_class,
    nullif(valid_from, '') as valid_from_period,
    nullif(valid_to, '') as valid_to_period
from {{ ref('stg_registry__agencies') }}
