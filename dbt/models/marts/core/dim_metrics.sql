select
    metric_id,
    name_ar,
    name_en,
    definition_ar,
    definition_en,
    feed,
    measure_id,
    estimator,
    nullif(stage, '') as stage,
    polarity,
    unit,
    is_headline,
    status,
    source
from {{ ref('stg_methodology__metrics') }}
