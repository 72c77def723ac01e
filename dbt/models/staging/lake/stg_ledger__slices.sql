select
    slice_id,
    feed,
    agency_id,
    period_id,
    provider_id,
    submission_id,
    delivery_rank,
    rows as accepted_rows,
    status,
    slice_version
from {{ source('ledger', 'slices') }}
