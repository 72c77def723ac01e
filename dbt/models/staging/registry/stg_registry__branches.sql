select
    branch_id,
    agency_id,
    region_id,
    name_ar,
    name_en
from {{ source('snapshots', 'branches') }}
