select
    channel,
    is_digital = 'true' as is_digital,
    name_ar,
    name_en
from {{ source('snapshots', 'channels') }}
