select
    role,
    metric_id
from {{ snapshot('registry/roles') }}
