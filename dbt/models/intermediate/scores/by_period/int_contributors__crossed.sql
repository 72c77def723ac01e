{# Answers and measures that name both a region and a journey: sums of the two kinds of places overlap in them. #}
with

measures as (

    select *
    from {{ ref('int_measures__observed') }}
    where region_id is not null
        and journey_id is not null
        and {{ period_is_pending() }}

),

answers as (

    {{ answers_by_item(['agency_id', 'period_id', 'region_id', 'journey_id']) }}

),

of_metrics as (

    {{ metrics_of_answers('answers', ['agency_id', 'period_id', 'region_id', 'journey_id', 'n']) }}

),

counted as (

    select
        metric_id,
        period_id,
        instrument_id,
        agency_id,
        region_id,
        journey_id,
        coalesce(n, n_at_least) as n
    from measures
    union all
    select
        metric_id,
        period_id,
        instrument_id,
        agency_id,
        region_id,
        journey_id,
        n
    from of_metrics
    where region_id is not null
        and journey_id is not null

),

final as (

    select
        metric_id,
        period_id,
        instrument_id,
        agency_id,
        region_id as region,
        journey_id as journey,
        cast(sum(n) as bigint) as n
    from counted
    group by all
    having sum(n) > 0

)

select * from final
where {{ period_is_pending() }}
