select
    journey_id,
    name_ar,
    name_en
from {{ snapshot('registry/journeys') }}
