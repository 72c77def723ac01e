{# Two grains in one table: `visit` (one score per visit, the sampling unit) and `item` (rubric items, for stages). #}
with

items as (

    select
        visits.slice_id,
        visits.agency_id,
        visits.period_id,
        visits.service_id,
        visits.branch_id,
        visits.region_id,
        visits.journey_id,
        visits.channel,
        visits.stage,
        visits.rubric_item,
        visits.visit_id,
        coalesce(visits.item_weight, 1) as item_weight,
        100 * cast(visits.score as double) / nullif(cast(visits.score_max as double), 0) as share
    from {{ pending_rows('mystery_visits') }} as visits
    where visits.score is not null

),

visits as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        visit_id,
        -- Rounded to a decimal so that sums over visits do not depend on their order.
        sum(item_weight * cast(round(share, 6) as decimal(12, 6))) as weighted_share,
        sum(item_weight) as weight
    from items
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        visit_id

),

observations as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        'visit' as grain,
        cast(null as {{ dbt.type_string() }}) as stage,
        cast(null as {{ dbt.type_string() }}) as rubric_item,
        cast(round(cast(weighted_share as double) / nullif(cast(weight as double), 0), 6) as decimal(12, 6)) as score
    from visits
    union all
    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        'item' as grain,
        stage,
        rubric_item,
        cast(round(share, 6) as decimal(12, 6)) as score
    from items

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        grain,
        stage,
        rubric_item,
        count(*) as observed_count,
        cast(sum(score) as decimal(18, 6)) as sum_score,
        sum(score * score) as sum_score2
    from observations
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        grain,
        stage,
        rubric_item

)

select * from final
