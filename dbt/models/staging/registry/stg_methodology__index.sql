select
    node_id,
    parent_id,
    metric_id,
    try_cast(weight as double) as weight,
    try_cast(direction as integer) as direction,
    try_cast(lower as double) as lower_goalpost,
    try_cast(upper as double) as upper_goalpost,
    aggregation,
    is_required = 'true' as is_required,
    name_ar,
    name_en
from {{ source('snapshots', 'index') }}
