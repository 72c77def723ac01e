select
    agency_id,
    service_id,
    branch_id,
    region_id,
    journey_id,
    period_id,
    assessment_id,
    model_id,
    practice_id,
    dimension,
    adoption,
    adoption_max,
    has_evidence,
    assessor,
    verifier,
    assessed_on,
    expires_on,
    provider_id,
    submission_id,
    row_id,
    source_row,
    slice_id
from {{ source('lake', 'maturity_assessments') }}
-- A later delivery of its provider has the row in another slice.
where row_id not in (select moved.row_id from {{ source('ledger', 'moved') }} as moved)
