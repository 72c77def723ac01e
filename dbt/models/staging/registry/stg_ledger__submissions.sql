select
    submission_id,
    provider_id,
    feed,
    path,
    delivered_key,
    status,
    source_rows,
    left_out,
    records,
    accepted,
    quarantined,
    duplicates
from {{ source('snapshots', 'submissions') }}
