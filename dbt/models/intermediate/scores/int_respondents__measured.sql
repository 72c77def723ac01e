{# Cells of respondents by metric: w is the design weight where every answer of the agency's period has one, else 1; y
is in steps of the scale (or in boxes hit), and `unit_y` converts it to the metric's unit. #}
{{ config(materialized='view') }}

with

metrics as (

    {{ metrics_of_items() }}

),

weighed as (

    select
        agency_id,
        period_id,
        sum(weighted_count) = sum(asked_count) as has_weights
    from {{ ref('int_respondents__cells') }}
    group by all

),

cells as (

    select
        cells.agency_id,
        cells.period_id,
        cells.service_id,
        cells.branch_id,
        cells.region_id,
        cells.journey_id,
        cells.person,
        cells.channel,
        cells.segment,
        cells.stage,
        cells.mode,
        cells.age_band,
        cells.gender,
        cells.nationality_class,
        cells.item,
        cells.scale_range,
        cells.asked_count,
        cells.invited_count,
        cells.responded_count,
        cells.scale_id || '/' || (cells.scale_range + 1) || '|' || cells.wording_version as instrument_id,
        cast(cells.position as decimal(12, 6)) as position,
        boxes.lowest_top_box,
        weighed.has_weights,
        -- Each branch has its own cast: wide decimals are slow, and most surveys bring no weights.
        case
            when weighed.has_weights then cast(cells.sum_weight as decimal(24, 6))
            else cast(cells.asked_count as decimal(24, 6))
        end as w,
        case
            when weighed.has_weights then cast(cells.sum_weight2 as decimal(24, 6))
            else cast(cells.asked_count as decimal(24, 6))
        end as w2
    from {{ ref('int_respondents__cells') }} as cells
    inner join weighed
        on cells.agency_id = weighed.agency_id
        and cells.period_id = weighed.period_id
    left join {{ ref('stg_methodology__top_boxes') }} as boxes
        on cells.scale_range + 1 = boxes.points

),

final as (

    select
        cells.agency_id,
        cells.period_id,
        metrics.metric_id,
        metrics.estimator,
        cells.instrument_id,
        cells.stage,
        cells.service_id,
        cells.branch_id,
        cells.region_id,
        cells.journey_id,
        cells.person,
        cells.channel,
        cells.segment,
        cells.mode,
        cells.age_band,
        cells.gender,
        cells.nationality_class,
        cells.asked_count,
        cells.invited_count,
        cells.responded_count,
        cells.has_weights,
        cells.w,
        cells.w2,
        case
            when metrics.estimator = 'mean' then cells.position
            when cells.position >= cells.lowest_top_box then cast(1 as decimal(12, 6))
            when cells.position is not null then cast(0 as decimal(12, 6))
        end as y,
        case when metrics.estimator = 'mean' then 100 / cast(cells.scale_range as double) else 100 end as unit_y
    from cells
    inner join metrics
        on cells.item = metrics.item
        and (metrics.stage is null or cells.stage = metrics.stage)
        and (metrics.estimator = 'mean' or cells.lowest_top_box is not null)

)

select * from final
