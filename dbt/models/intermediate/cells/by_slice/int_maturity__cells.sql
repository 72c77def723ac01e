{# What was assessed of each practice. One assessed twice in a period has what its last assessment said, the mean of all
and how many different things were said, over all and on the last day: which of it counts is declared with the metric. #}
with

practices as (

    select
        practices.*,
        cast(
            round(
                100 * cast(practices.adoption as double) / nullif(cast(practices.adoption_max as double), 0), 6
            ) as decimal(12, 6)
        ) as adoption_share
    from {{ pending_rows('maturity_assessments') }} as practices
    where practices.adoption is not null

),

{%- set key = [
    'slice_id', 'agency_id', 'period_id', 'service_id', 'branch_id', 'region_id', 'journey_id', 'model_id', 'dimension',
    'practice_id',
] %}

ranked as (

    select
        *,
        -- Days that are not known are all one.
        rank() over (partition by {{ key | join(', ') }} order by assessed_on desc nulls last) as age
    from practices

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
        model_id,
        dimension,
        practice_id,
        cast(1 as bigint) as practices_count,
        min(adoption_share) filter (where age = 1) as sum_share,
        cast(round(sum(adoption_share) / nullif(count(*), 0), 6) as decimal(12, 6)) as mean_share,
        count(distinct adoption_share) as values_count,
        count(distinct adoption_share) filter (where age = 1) as last_values_count,
        min(case when has_evidence then 1 else 0 end) filter (where age = 1) as evidenced_count,
        min(expires_on) filter (where age = 1) as expires_on
    from ranked
    group by {{ key | join(', ') }}

)

select * from final
