select
    submission_id,
    provider_id,
    feed,
    path,
    status,
    source_rows,
    records,
    accepted,
    quarantined,
    duplicates
from {{ snapshot('registry/submissions') }}
