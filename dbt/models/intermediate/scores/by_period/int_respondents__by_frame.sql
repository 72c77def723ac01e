{# What was answered to each metric's question, in the cells of the population frame; y in the metric's unit. #}
with

answers as (

    select
        agency_id,
        period_id,
        metric_id,
        instrument_id,
        coalesce(service_id, '-') as service_id,
        coalesce(channel, '-') as channel,
        coalesce(region_id, '-') as region_id,
        coalesce(segment, '-') as segment,
        cast(sum(asked_count) as bigint) as asked_count,
        cast(sum(invited_count) as bigint) as invited_count,
        cast(sum(responded_count) as bigint) as responded_count,
        cast(sum(w) as double) as asked_w,
        cast(sum(w2) as double) as asked_w2,
        cast(coalesce(sum(asked_count) filter (where y is not null), 0) as bigint) as n,
        cast(coalesce(sum(w) filter (where y is not null), 0) as double) as w,
        max(unit_y) * coalesce(cast(sum(w * y) as double), 0) as wy,
        max(unit_y) ** 2 * coalesce(cast(sum(w * cast(y * y as decimal(12, 6))) as double), 0) as wyy,
        cast(coalesce(sum(w2) filter (where y is not null), 0) as double) as w2,
        max(unit_y) * coalesce(cast(sum(w2 * y) as double), 0) as w2y,
        max(unit_y) ** 2 * coalesce(cast(sum(w2 * cast(y * y as decimal(12, 6))) as double), 0) as w2y2
    from {{ ref('int_respondents__measured') }}
    where {{ period_is_pending() }}
    group by all

),

-- Named after summing: the draw follows from the metric.
final as (

    select
        answers.*,
        draws.stages
    from answers
    inner join {{ ref('int_draws__named') }} as draws
        on answers.agency_id = draws.agency_id
        and answers.period_id = draws.period_id
        and answers.metric_id = draws.metric_id
    where {{ period_is_pending('draws.period_id') }}

)

select * from final
