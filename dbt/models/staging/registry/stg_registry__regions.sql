select
    region_id,
    name_ar,
    name_en
from {{ snapshot('registry/regions') }}
