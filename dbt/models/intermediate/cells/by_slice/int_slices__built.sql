{# Written after every cell model: until then a rerun starts the same slices again. A withdrawn slice is noted as such,
to distinguish a build that stopped before emptying it from one that emptied it. #}
{{- after_all_cells() }}
select
    slice_id,
    slice_version,
    '{{ var("build_key") }}' as build_key
from {{ ref('int_slices__pending') }}
group by
    slice_id,
    slice_version
