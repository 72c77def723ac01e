select
    journey_id,
    cast(step as integer) as step,
    service_id,
    stage
from {{ snapshot('registry/journey_steps') }}
