{# Answers by survey mode, from which the series of an agency's scores are determined. #}
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
