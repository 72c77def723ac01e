{# What was answered to each metric's question, in the cells of the population frame; y in the metric's unit. #}
with

final as (

    select
        cells.agency_id,
        cells.period_id,
        draws.stages,
        cells.metric_id,
        cells.estimator,
        cells.instrument_id,
        coalesce(cells.service_id, '-') as service_id,
        coalesce(cells.channel, '-') as channel,
        coalesce(cells.region_id, '-') as region_id,
        coalesce(cells.segment, '-') as segment,
        cast(sum(cells.asked_count) as bigint) as asked_count,
        cast(sum(cells.invited_count) as bigint) as invited_count,
        cast(sum(cells.responded_count) as bigint) as responded_count,
        cast(sum(cells.w) as double) as asked_w,
        cast(sum(cells.w2) as double) as asked_w2,
        cast(coalesce(sum(cells.asked_count) filter (where cells.y is not null), 0) as bigint) as n,
        cast(coalesce(sum(cells.w) filter (where cells.y is not null), 0) as double) as w,
        max(cells.unit_y) * coalesce(cast(sum(cells.w * cells.y) as double), 0) as wy,
        max(cells.unit_y) ** 2 * coalesce(cast(sum(cells.w * cast(cells.y * cells.y as decimal(12, 6))) as double), 0)
            as wyy,
        cast(coalesce(sum(cells.w2) filter (where cells.y is not null), 0) as double) as w2,
        max(cells.unit_y) * coalesce(cast(sum(cells.w2 * cells.y) as double), 0) as w2y,
        max(cells.unit_y) ** 2 * coalesce(cast(sum(cells.w2 * cast(cells.y * cells.y as decimal(12, 6))) as double), 0)
            as w2y2
    from {{ ref('int_respondents__measured') }} as cells
    inner join {{ ref('int_draws__named') }} as draws
        on cells.agency_id = draws.agency_id
        and cells.period_id = draws.period_id
        and cells.metric_id = draws.metric_id
    where {{ period_is_pending('cells.period_id') }}
        and {{ period_is_pending('draws.period_id') }}
    group by all

)

select * from final
