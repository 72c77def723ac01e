{# The survey sample behind each metric of an agency's period, named by the stages at which its question was asked. #}
select
    agency_id,
    period_id,
    metric_id,
    string_agg(distinct coalesce(stage, '-'), ';' order by coalesce(stage, '-')) as stages
from {{ ref('int_respondents__measured') }}
where {{ period_is_pending() }}
group by all
