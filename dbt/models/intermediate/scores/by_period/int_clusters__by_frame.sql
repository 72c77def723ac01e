{# Answers that were drawn together in the cells of the population frame, for scores weighted to it. #}
with

final as (

    select
        clusters.agency_id,
        clusters.period_id,
        clusters.metric_id,
        clusters.instrument_id,
        samples.stages,
        coalesce(clusters.service_id, '-') as service_id,
        coalesce(clusters.channel, '-') as channel,
        coalesce(clusters.region_id, '-') as region_id,
        coalesce(clusters.segment, '-') as segment,
        case
            when clusters.branch_share is null then 'person ' || clusters.person
            else 'branch ' || clusters.branch_id
        end as psu,
        clusters.person,
        coalesce(clusters.branch_share, 0) as branch_share,
        cast(sum(clusters.asked_count) as bigint) as asked_count,
        cast(sum(clusters.asked_w) as double) as asked_w,
        cast(sum(clusters.asked_w2) as double) as asked_w2,
        cast(sum(clusters.n) as bigint) as n,
        cast(sum(clusters.w) as double) as w,
        max(clusters.unit_y) * cast(sum(clusters.wy) as double) as wy,
        max(clusters.unit_y) ** 2 * cast(sum(clusters.wyy) as double) as wyy,
        cast(sum(clusters.w2) as double) as w2,
        max(clusters.unit_y) * cast(sum(clusters.w2y) as double) as w2y,
        max(clusters.unit_y) ** 2 * cast(sum(clusters.w2y2) as double) as w2y2
    from {{ ref('int_clusters__measured') }} as clusters
    inner join {{ ref('int_survey_samples__by_stage') }} as samples
        on clusters.agency_id = samples.agency_id
        and clusters.period_id = samples.period_id
        and clusters.metric_id = samples.metric_id
    where {{ period_is_pending('clusters.period_id') }}
        and {{ period_is_pending('samples.period_id') }}
    group by all

)

select * from final
