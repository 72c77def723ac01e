select
    region_id,
    name_ar,
    name_en
from {{ source('snapshots', 'regions') }}
