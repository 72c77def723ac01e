{# Answers to each metric's question by the profile scores are adjusted for, under the
final weights and in the metric's unit. #}
with

answers as (

    select
        cells.agency_id,
        cells.period_id,
        cells.metric_id,
        cells.instrument_id,
        cells.mode,
        cells.age_band,
        cells.gender,
        cells.nationality_class,
        cells.region_id,
        cells.asked_count,
        cells.y,
        cells.unit_y,
        -- Weights are rounded to a millionth, so that their sums do not depend on the order of rows.
        cast(cast(cells.w as double) * weights.factor as decimal(24, 6)) as w
    from {{ ref('int_respondents__measured') }} as cells
    inner join {{ ref('int_survey_samples__by_stage') }} as samples
        on cells.agency_id = samples.agency_id
        and cells.period_id = samples.period_id
        and cells.metric_id = samples.metric_id
    inner join {{ ref('int_weights__estimated') }} as weights
        on cells.agency_id = weights.agency_id
        and cells.period_id = weights.period_id
        and samples.stages = weights.stages
        and coalesce(cells.service_id, '-') = weights.service_id
        and coalesce(cells.channel, '-') = weights.channel
        and coalesce(cells.region_id, '-') = weights.region_id
        and coalesce(cells.segment, '-') = weights.segment
    where cells.y is not null
        and {{ period_is_pending('cells.period_id') }}
        and {{ period_is_pending('samples.period_id') }}
        and {{ period_is_pending('weights.period_id') }}

),

final as (

    select
        agency_id,
        period_id,
        metric_id,
        instrument_id,
        mode,
        age_band,
        gender,
        nationality_class,
        region_id,
        cast(sum(asked_count) as bigint) as n,
        cast(sum(w) as double) as w,
        max(unit_y) * cast(sum(w * y) as double) as wy,
        max(unit_y) ** 2 * cast(sum(w * cast(y * y as decimal(12, 6))) as double) as wyy
    from answers
    group by all

)

select * from final
