{# An agency may deliver cells instead of people: its counts become cells as they are, by day of report. What counts
where a period has several is declared with the metric. #}
with

reported as (

    select
        reported.*,
        coalesce(
            reported.numerator,
            cast(round(cast(reported.n as double) * cast(reported.mean as double) / 100, 6) as decimal(18, 6))
        ) as known_numerator
    from {{ pending_rows('reported_measures') }} as reported
    -- A published total was compared with the sum of its rows on receipt; added to them it would count all twice.
    where coalesce(reported.option, '') <> 'total'

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
        stage,
        segment,
        measure,
        reported_on,
        count(*) as reports_count,
        sum(n) as n,
        -- The base of a pooled share or mean counts only rows that gave the numerator or mean.
        sum(case when known_numerator is not null then n end) as n_with_numerator,
        sum(case when mean is not null then n end) as n_with_mean,
        sum(case when n is null then 1 else 0 end) as without_n_count,
        sum(coalesce(n, n_low)) as n_at_least,
        sum(known_numerator) as sum_numerator,
        sum(cast(round(cast(n as double) * cast(mean as double), 6) as decimal(28, 6))) as sum_x,
        sum(
            cast(
                round(
                    (n - 1) * cast(sd as double) * cast(sd as double)
                    + n * cast(mean as double) * cast(mean as double),
                    6
                ) as decimal(34, 6)
            )
        ) as sum_x2,
        -- Only meaningful where a cell holds one report without n, since several cannot be pooled.
        max(mean) as reported_mean
    from reported
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        stage,
        segment,
        measure,
        reported_on

)

select * from final
