{# What each agency adds to the totals of agencies that its reported score is part of: its answers, their sum (each
0 to 1) and that of their squares, which a correction moves. #}
with

scores as (

    select
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        n
    from {{ ref('bench_scores') }}
    where unit_type = 'agency'
        and status = 'reported'
        and isfinite(score)
        and {{ period_is_pending() }}

),

statistics as (

    select
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        coalesce(cast(sum(numerator) as double), cast(sum(sum_x) as double) / max(scale_range)) as total,
        cast(sum(sum_x2) as double) / (max(scale_range) * max(scale_range)) as squares
    from {{ ref('int_statistics__by_unit') }}
    where unit_type = 'agency'
        and {{ period_is_pending() }}
    group by all

),

final as (

    select
        case when panels.is_national then 'national' else 'peer_group' end as unit_type,
        case when panels.is_national then 'all' else agencies.peer_group end as unit_id,
        scores.metric_id,
        scores.period_id,
        scores.instrument_id,
        scores.agency_id as contributor_id,
        cast(scores.n as bigint) as n,
        statistics.total,
        statistics.squares
    from scores
    inner join {{ ref('stg_registry__agencies') }} as agencies
        on scores.agency_id = agencies.agency_id
    cross join (values (true), (false)) as panels (is_national)
    left join statistics
        on scores.agency_id = statistics.agency_id
        and scores.metric_id = statistics.metric_id
        and scores.period_id = statistics.period_id
        and scores.instrument_id = statistics.instrument_id

)

select * from final
