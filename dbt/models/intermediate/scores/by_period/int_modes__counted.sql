{# How answers came, by survey mode: what a series of an agency's scores is judged by. #}
select
    agency_id,
    period_id,
    stage,
    item,
    coalesce(mode, 'unknown') as mode,
    cast(sum(asked_count) as bigint) as asked_count
from {{ ref('int_respondents__cells') }}
where {{ period_is_pending() }}
group by all
