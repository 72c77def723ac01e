{# Every transaction is counted, so shares have no sampling error; what disclosure control hides of a completion share
is hidden here too. #}
with

channels as (

    select
        channel,
        is_digital
    from {{ ref('stg_methodology__channels') }}

),

usage as (

    select
        usage.*,
        coalesce(channels.is_digital, false) as is_digital
    from {{ ref('int_usage__cells') }} as usage
    left join channels
        on usage.channel = channels.channel
    where usage.service_id is not null
        and {{ period_is_pending('usage.period_id') }}

),

by_service as (

    select
        agency_id,
        service_id,
        period_id,
        sum(rated_started_count) filter (where is_digital) as started,
        sum(rated_ended_count) filter (where is_digital) as ended,
        sum(completed_count) filter (where is_digital) as completed,
        sum(completed_count) filter (where channel is not null) as completed_everywhere,
        sum(failed_count) filter (where is_digital) as failed,
        sum(abandoned_count) filter (where is_digital) as abandoned,
        sum(started_count) filter (where is_digital and failed_count is not null) as failed_base,
        sum(started_count) filter (where is_digital and abandoned_count is not null) as abandoned_base,
        sum(duration_minutes) filter (where is_digital) as minutes,
        sum(duration_count) filter (where is_digital) as timed,
        sum(minutes_available) as minutes_available,
        sum(minutes_due) as minutes_due,
        sum(cost) filter (where is_digital) as cost,
        sum(completed_count) filter (where is_digital and cost is not null) as costed,
        string_agg(distinct slice_id, ';' order by slice_id) as slice_ids
    from usage
    group by all

),

-- People who gave up are only surveyed where a stage before the end is asked about.
asked as (

    select
        cells.agency_id,
        cells.service_id,
        cells.period_id,
        bool_and(coalesce(cells.stage, 'whole') in ('after', 'whole')) as asks_only_finishers
    from {{ ref('int_survey__cells') }} as cells
    inner join channels
        on cells.channel = channels.channel
        and channels.is_digital
    where cells.answered_count > 0
        and {{ period_is_pending('cells.period_id') }}
    group by all

),

completion as (

    select
        scores.score_id,
        scores.unit_id,
        scores.period_id,
        scores.status,
        scores.status_reason
    from {{ ref('bench_scores') }} as scores
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on scores.metric_id = metrics.metric_id
    where scores.unit_type = 'service'
        and metrics.measure_id = 'usage.digital_completion'
        and scores.instrument_id = 'administrative'
        and {{ period_is_pending('scores.period_id') }}

),

figures as (

    select
        completion.score_id,
        'service' as unit_type,
        by_service.agency_id || '/' || by_service.service_id as unit_id,
        by_service.*,
        coalesce(completion.status, 'not_applicable') as status,
        case when completion.status is null then 'not_measured' else completion.status_reason end as status_reason,
        asked.asks_only_finishers,
        services.digital_stage,
        100 * cast(by_service.ended as double) / nullif(by_service.started, 0) as completion,
        100 * cast(by_service.completed as double) / nullif(by_service.completed_everywhere, 0) as take_up,
        100 * cast(by_service.failed as double) / nullif(by_service.failed_base, 0) as failed_share,
        100 * cast(by_service.abandoned as double) / nullif(by_service.abandoned_base, 0) as abandoned_share,
        100 * cast(by_service.minutes_available as double) / nullif(cast(by_service.minutes_due as double), 0)
            as availability,
        cast(by_service.minutes as double) / nullif(by_service.timed, 0) as minutes_to_complete,
        cast(by_service.cost as double) / nullif(by_service.costed, 0) as cost_per_transaction
    from by_service
    inner join {{ ref('stg_registry__services') }} as services
        on by_service.service_id = services.service_id
    left join completion
        on by_service.agency_id || '/' || by_service.service_id = completion.unit_id
        and by_service.period_id = completion.period_id
    left join asked
        on by_service.agency_id = asked.agency_id
        and by_service.service_id = asked.service_id
        and by_service.period_id = asked.period_id

),

final as (

    select
        score_id,
        unit_type,
        unit_id,
        agency_id,
        service_id,
        period_id,
        '{{ var("methodology_version") }}' as methodology_version,
        nullif(digital_stage, '') as digital_stage,
        status,
        status_reason,
        case when status = 'reported' then cast(started as bigint) end as n,
        {{ published('completion', 'completion_share') }},
        {{ published('take_up', 'take_up_share') }},
        {{ published('availability', 'availability_share') }},
        {{ published('failed_share') }},
        {{ published('abandoned_share') }},
        {{ published('minutes_to_complete') }},
        {{ published('cost_per_transaction') }},
        asks_only_finishers,
        slice_ids
    from figures

)

select * from final
