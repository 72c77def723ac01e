select
    metric_id,
    name_ar,
    name_en,
    definition_ar,
    definition_en,
    feed,
    measure_id,
    estimator,
    stage,
    cast(polarity as integer) as polarity,
    unit,
    is_headline = 'true' as is_headline,
    status,
    source
from {{ source('snapshots', 'metrics') }}
