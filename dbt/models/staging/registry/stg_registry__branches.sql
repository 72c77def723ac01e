select
    branch_id,
    agency_id,
    region_id,
    name_ar,
    name_en
from {{ snapshot('registry/branches') }}
