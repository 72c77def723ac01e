select
    agency_id,
    name_ar,
    name_en,
    sector,
    peer_group,
    size_class,
    valid_from,
    valid_to
from {{ source('snapshots', 'agencies') }}
