{# Answers of early and late respondents by agency and metric, on 0-100. #}
with

metrics as (

    {{ metrics_of_items() }}

),

cells as (

    select
        *,
        scale_id || '/' || (scale_range + 1) || '|' || wording_version as instrument_id
    from {{ ref('int_delays__cells') }}
    where {{ period_is_pending() }}

),

final as (

    select
        cells.agency_id,
        metrics.metric_id,
        cells.period_id,
        cells.instrument_id,
        cells.is_late,
        cast(sum(cells.answered_count) as bigint) as n,
        100 * cast(sum(cells.sum_position) as double) / cells.scale_range as sum_x,
        10000 * cast(sum(cells.sum_position2) as double) / (cells.scale_range * cells.scale_range) as sum_x2
    from cells
    inner join metrics
        on cells.item = metrics.item
        and (metrics.stage is null or cells.stage = metrics.stage)
    where metrics.estimator = 'mean'
    group by
        cells.agency_id,
        metrics.metric_id,
        cells.period_id,
        cells.instrument_id,
        cells.scale_range,
        cells.is_late

)

select * from final
