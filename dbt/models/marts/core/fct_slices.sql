select
    slice_id,
    feed,
    agency_id,
    period_id,
    provider_id,
    submission_id,
    delivery_rank,
    status,
    slice_version
from {{ ref('stg_ledger__slices') }}
