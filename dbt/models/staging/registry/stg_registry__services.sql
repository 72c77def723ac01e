select
    service_id,
    agency_id,
    name_ar,
    name_en,
    digital_stage
from {{ source('snapshots', 'services') }}
