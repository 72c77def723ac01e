{# First-contact resolution: did the same beneficiary come back for the same need within the window? A contact is
counted in the period in which its window ended, so that no later delivery can change the answer. #}
with

thresholds as (

    {{ threshold_values('repeat_window_days') }}

),

contacts as (

    select
        episodes.slice_id,
        episodes.agency_id,
        episodes.service_id,
        episodes.region_id,
        episodes.category_code,
        episodes.beneficiary,
        episodes.episodes_count,
        episodes.day,
        episodes.day + cast(thresholds.repeat_window_days as integer) as window_end
    from {{ ref('int_episodes__cells') }} as episodes
    cross join thresholds
    where episodes.episode = 'complaint'

),

dated as (

    select
        *,
        cast(year(day) as varchar) || 'Q' || cast(quarter(day) as varchar) as first_period_id,
        cast(year(window_end) as varchar) || 'Q' || cast(quarter(window_end) as varchar) as period_id
    from contacts

),

-- Of several contacts on one day, all but the last count as repeated at once.
followed as (

    select
        *,
        lead(day) over (
            partition by agency_id, beneficiary, service_id, category_code
            order by day
        ) as next_day
    from dated
    where {{ period_is_pending('first_period_id', until='period_id') }}

),

deliveries as (

    select distinct
        agency_id,
        period_id
    from {{ ref('int_complaints__cells') }}
    where {{ period_is_pending() }}

),

final as (

    select
        followed.slice_id,
        followed.agency_id,
        followed.period_id,
        followed.service_id,
        followed.region_id,
        sum(followed.episodes_count) as contacts_count,
        sum(case when followed.next_day <= followed.window_end then 0 else 1 end) as resolved_count
    from followed
    -- Without the complaints of the period in which the window ended, repeats are unknown.
    inner join deliveries
        on followed.agency_id = deliveries.agency_id
        and followed.period_id = deliveries.period_id
    group by
        followed.slice_id,
        followed.agency_id,
        followed.period_id,
        followed.service_id,
        followed.region_id

)

select * from final
where {{ period_is_pending() }}
