select
    submission_id,
    provider_id,
    feed,
    path,
    status,
    source_rows,
    left_out,
    records,
    accepted,
    quarantined,
    duplicates
from {{ ref('stg_ledger__submissions') }}
