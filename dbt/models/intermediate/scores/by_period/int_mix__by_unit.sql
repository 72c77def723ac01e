{# What a unit's raw score is made of: n and sum by service and channel, for metrics whose records know both. A change
of the raw score is split by these groups into mix and rate. #}

with

metrics as (

    select
        metric_id,
        measure_id,
        nullif(stage, '') as stage
    from {{ ref('stg_methodology__metrics') }}
    where estimator in ('mean', 'proportion')

),

digital_channels as (

    select channel
    from {{ ref('stg_methodology__channels') }}
    where is_digital

),

answers as (

    {{ answers_by_item(['agency_id', 'period_id', 'service_id', 'region_id', 'channel']) }}

),

measures as (

    select
        agency_id, period_id, service_id, region_id, channel, stage, measure_id, instrument_id,
        case when kind = 'mean' then scale_range else 1 end as scale_range, n,
        case when kind = 'mean' then sum_x else top_box_count end as total
    from answers
    {%- for measure, numerator, base in [
        ('in_time', 'in_time_count', 'due_count'),
        ('acknowledged', 'acknowledged_count', 'acknowledgeable_count'),
        ('upheld', 'upheld_count', 'decided_count'),
        ('reopened', 'reopened_count', 'closed_count'),
        ('escalated', 'escalated_count', 'escalatable_count'),
    ] %}
    union all
    select
        agency_id, period_id, service_id, region_id, channel, null as stage,
        'complaints.{{ measure }}' as measure_id, 'administrative' as instrument_id, 1 as scale_range,
        {{ base }} as n, {{ numerator }} as total
    from {{ ref('int_complaints__cells') }}
    {%- endfor %}
    union all
    select
        agency_id, period_id, service_id, region_id, channel, null as stage,
        'usage.digital_completion' as measure_id, 'administrative' as instrument_id, 1 as scale_range,
        rated_started_count as n, rated_ended_count as total
    from {{ ref('int_usage__cells') }}
    where channel in (select digital_channels.channel from digital_channels)

),

-- Summed once for all units that share them.
groups as materialized (

    select
        measures.agency_id,
        measures.period_id,
        measures.service_id,
        measures.region_id,
        metrics.metric_id,
        measures.instrument_id,
        measures.scale_range,
        coalesce(measures.agency_id || '/' || measures.service_id, measures.agency_id)
        || '|' || coalesce(measures.channel, '') as group_id,
        sum(measures.n) as n,
        sum(measures.total) as total
    from measures
    inner join metrics
        on measures.measure_id = metrics.measure_id
        and (metrics.stage is null or measures.stage = metrics.stage)
    where measures.n > 0
        and {{ period_is_pending('measures.period_id') }}
    group by all

),

final as (
    {{ sums_by_unit(
        'groups', ['metric_id', 'instrument_id', 'scale_range', 'group_id'], ['n', 'total'], traced=false
    ) }}
)

select * from final
where {{ period_is_pending() }}
