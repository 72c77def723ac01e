select
    methodology_version,
    status,
    valid_from,
    parameters_count,
    hash,
    changes_ar,
    changes_en
from {{ ref('stg_methodology__versions') }}
