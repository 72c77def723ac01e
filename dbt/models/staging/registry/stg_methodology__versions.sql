select
    methodology_version,
    status,
    valid_from,
    cast(parameters_count as integer) as parameters_count,
    hash,
    changes_ar,
    changes_en
from {{ source('snapshots', 'methodology_versions') }}
