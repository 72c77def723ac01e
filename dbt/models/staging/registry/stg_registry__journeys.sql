select
    journey_id,
    name_ar,
    name_en
from {{ source('snapshots', 'journeys') }}
