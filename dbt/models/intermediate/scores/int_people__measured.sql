{# Who gave which answer by metric, as counts and totals of each person; y is in steps of the scale (or in boxes hit),
and `unit_y` converts it to the metric's unit. `branch_share` is that drawn of all branches, where they were drawn. #}
{{ config(materialized='view') }}

with

metrics as (

    {{ metrics_of_items() }}

),

sampled as (

    select distinct
        agency_id,
        period_id,
        branch_share
    from {{ ref('int_clusters__measured') }}
    where branch_share is not null

),

final as (

    select
        people.agency_id,
        people.period_id,
        people.service_id,
        people.branch_id,
        people.region_id,
        people.journey_id,
        people.is_known,
        people.person,
        metrics.metric_id,
        people.scale_id || '/' || (people.scale_range + 1) || '|' || people.wording_version as instrument_id,
        {{ number_of_quarter('people.period_id') }} as quarter,
        case when people.branch_id is not null then sampled.branch_share end as branch_share,
        case when metrics.estimator = 'mean' then 100 / cast(people.scale_range as double) else 100 end as unit_y,
        people.n,
        case
            when metrics.estimator = 'mean' then people.n * cast(people.position as decimal(12, 6))
            when people.position >= boxes.lowest_top_box then cast(people.n as decimal(12, 6))
            else cast(0 as decimal(12, 6))
        end as y
    from {{ ref('int_people__cells') }} as people
    inner join metrics
        on people.item = metrics.item
        and (metrics.stage is null or people.stage = metrics.stage)
    left join {{ ref('stg_methodology__top_boxes') }} as boxes
        on people.scale_range + 1 = boxes.points
    left join sampled
        on people.agency_id = sampled.agency_id
        and people.period_id = sampled.period_id
    where metrics.estimator = 'mean' or boxes.lowest_top_box is not null

)

select * from final
