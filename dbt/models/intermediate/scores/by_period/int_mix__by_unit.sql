{# The groups behind a unit's raw score: n and sum by service and channel, for metrics whose records have both. They
split a change of the raw score into mix and rate. A region's groups are those of its agencies there, each counted once.

dbt runs models with the fewest dependencies first. This one is slow and only trends need it, so it waits for the
weighted scores and runs in parallel with the chain from them to the judged scores, where one model runs at a time. #}
-- depends_on: {{ ref('int_scores__weighted') }}

with

digital_channels as (

    select channel
    from {{ ref('stg_methodology__channels') }}
    where is_digital

),

answers as (

    {{ answers_by_item(['agency_id', 'period_id', 'service_id', 'region_id', 'channel']) }}

),

of_metrics as (

    {{ metrics_of_answers('answers', ['agency_id', 'period_id', 'service_id', 'region_id', 'channel', 'n']) }}

),

records as (

    {%- for measure, numerator, base in [
        ('in_time', 'in_time_count', 'due_count'),
        ('acknowledged', 'acknowledged_count', 'acknowledgeable_count'),
        ('upheld', 'upheld_count', 'decided_count'),
        ('reopened', 'reopened_count', 'closed_count'),
        ('escalated', 'escalated_count', 'escalatable_count'),
    ] %}
    select
        agency_id, period_id, service_id, region_id, channel,
        'complaints.{{ measure }}' as measure_id, 'administrative' as instrument_id, 1 as scale_range,
        {{ base }} as n, {{ numerator }} as total
    from {{ ref('int_complaints__cells') }}
    union all
    {%- endfor %}
    select
        agency_id, period_id, service_id, region_id, channel,
        'usage.digital_completion' as measure_id, 'administrative' as instrument_id, 1 as scale_range,
        rated_started_count as n, rated_ended_count as total
    from {{ ref('int_usage__cells') }}
    where channel in (select digital_channels.channel from digital_channels)

),

measures as (

    select
        agency_id, period_id, service_id, region_id, channel, metric_id, estimator, instrument_id, n,
        case when estimator = 'mean' then scale_range else 1 end as scale_range,
        case when estimator = 'mean' then sum_x else numerator end as total
    from of_metrics
    union all by name
    select
        records.agency_id, records.period_id, records.service_id, records.region_id, records.channel,
        metrics.metric_id, metrics.estimator, records.instrument_id, records.n, records.scale_range, records.total
    from records
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on records.measure_id = metrics.measure_id

),

-- Summed once for all units that share a group.
groups as materialized (

    select
        agency_id,
        period_id,
        service_id,
        region_id,
        metric_id,
        instrument_id,
        scale_range,
        coalesce(agency_id || '/' || service_id, agency_id) || '|' || coalesce(channel, '') as group_id,
        sum(n) as n,
        sum(total) as total
    from measures
    where n > 0
        and estimator in ('mean', 'proportion')
        and {{ period_is_pending() }}
    group by all

),

final as (
    {{ by_unit(
        'groups',
        ['metric_id', 'instrument_id', 'scale_range', 'group_id'],
        ['cast(sum(n) as double) as n', 'cast(sum(total) as double) as total'],
        unit_types('frame', 'known')
    ) }}
)

select * exclude (agency_id) from final
where {{ period_is_pending() }}
