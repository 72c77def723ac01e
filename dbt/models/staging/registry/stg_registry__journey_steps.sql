select
    journey_id,
    cast(step as integer) as step,
    service_id,
    stage
from {{ source('snapshots', 'journey_steps') }}
