{# Answers that were drawn together, by metric and by the primary sampling unit they were drawn with: the branch where
the agency's branches were a sample (some have answers, not all), else the person if one responded more than once.
Answers that were drawn alone have no row, so that a survey without either has none. y is in steps; `unit_y` converts
it to the metric's unit. #}
with

registered as (

    select
        agency_id,
        count(*) as registered_count
    from {{ ref('stg_registry__branches') }}
    group by all

),

answered as (

    select
        agency_id,
        period_id,
        count(distinct branch_id) as answered_count
    from {{ ref('int_respondents__cells') }}
    where branch_id is not null
        and {{ period_is_pending() }}
    group by all

),

sampled as (

    select
        answered.agency_id,
        answered.period_id,
        answered.answered_count / cast(registered.registered_count as double) as branch_share
    from answered
    inner join registered
        on answered.agency_id = registered.agency_id
    where answered.answered_count < registered.registered_count

),

answers as (

    select
        cells.*,
        case when cells.branch_id is not null then sampled.branch_share end as branch_share
    from {{ ref('int_respondents__measured') }} as cells
    left join sampled
        on cells.agency_id = sampled.agency_id
        and cells.period_id = sampled.period_id
    where (cells.person is not null or cells.branch_id is not null)
        and {{ period_is_pending('cells.period_id') }}

),

final as (

    select
        agency_id,
        period_id,
        metric_id,
        instrument_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        segment,
        person,
        branch_share,
        unit_y,
        cast(sum(asked_count) as bigint) as asked_count,
        sum(w) as asked_w,
        sum(w2) as asked_w2,
        cast(coalesce(sum(asked_count) filter (where y is not null), 0) as bigint) as n,
        coalesce(sum(asked_count * y), 0) as sum_x,
        coalesce(sum(asked_count * cast(y * y as decimal(12, 6))), 0) as sum_x2,
        coalesce(sum(w) filter (where y is not null), 0) as w,
        coalesce(sum(w * y), 0) as wy,
        coalesce(sum(w * cast(y * y as decimal(12, 6))), 0) as wyy,
        coalesce(sum(w2) filter (where y is not null), 0) as w2,
        coalesce(sum(w2 * y), 0) as w2y,
        coalesce(sum(w2 * cast(y * y as decimal(12, 6))), 0) as w2y2
    from answers
    where person is not null or branch_share is not null
    group by
        agency_id,
        period_id,
        metric_id,
        instrument_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        segment,
        person,
        branch_share,
        unit_y

)

select * from final
