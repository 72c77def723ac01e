select agency_id, name_ar, name_en, sector, peer_group, size_class
from {{ source('edition', 'dim_agencies') }}
