{# The population a survey represents: completed transactions by the margins a sample can be weighted to. #}
select
    agency_id,
    period_id,
    service_id,
    channel,
    region_id,
    segment,
    cast(sum(completed_count) as bigint) as completed_count
from {{ ref('int_usage__cells') }}
where completed_count > 0
    and {{ period_is_pending() }}
group by all
