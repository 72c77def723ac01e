{# Who was asked a metric's question and what they answered, in the cells of the population frame. Metrics asked of the same
people share a draw, and a draw is weighted once. #}
{{ config(materialized='table') }}

with

cells as (

    select
        agency_id,
        period_id,
        metric_id,
        estimator,
        instrument_id,
        service_id,
        channel,
        region_id,
        segment,
        cast(sum(asked_count) as bigint) as asked_count,
        cast(sum(invited_count) as bigint) as invited_count,
        cast(sum(responded_count) as bigint) as responded_count,
        cast(sum(w) as double) as asked_w,
        cast(sum(w2) as double) as asked_w2,
        cast(sum(case when y is not null then asked_count else 0 end) as bigint) as n,
        cast(sum(case when y is not null then w else 0 end) as double) as w,
        max(unit_y) * coalesce(cast(sum(w * y) as double), 0) as wy,
        max(unit_y) ** 2 * coalesce(cast(sum(w * cast(y * y as decimal(12, 6))) as double), 0) as wyy,
        cast(sum(case when y is not null then w2 else 0 end) as double) as w2,
        max(unit_y) * coalesce(cast(sum(w2 * y) as double), 0) as w2y,
        max(unit_y) ** 2 * coalesce(cast(sum(w2 * cast(y * y as decimal(12, 6))) as double), 0) as w2y2
    from {{ ref('int_respondents__measured') }}
    group by all

),

draws as (

    select
        agency_id,
        period_id,
        metric_id,
        instrument_id,
        md5(
            string_agg(
                concat_ws(
                    '|', coalesce(service_id, '-'), coalesce(channel, '-'), coalesce(region_id, '-'),
                    coalesce(segment, '-'), asked_count, asked_w
                ), ';' order by service_id, channel, region_id, segment
            )
        ) as draw_id
    from cells
    group by all

),

final as (

    select
        draws.draw_id,
        cells.*
    from cells
    inner join draws
        on cells.agency_id = draws.agency_id
        and cells.period_id = draws.period_id
        and cells.metric_id = draws.metric_id
        and cells.instrument_id = draws.instrument_id

)

select * from final
