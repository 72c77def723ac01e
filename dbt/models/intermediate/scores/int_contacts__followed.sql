{# First-contact resolution: did the same beneficiary come back for the same need within the window? A contact is
counted in the period in which its window ended, so that no later delivery can change the answer. #}
{{ config(materialized='table') }}

with

thresholds as (

    {{ threshold_values('repeat_window_days') }}

),

contacts as (

    select
        *,
        lead(day) over (
            partition by agency_id, beneficiary, service_id, category_code
            order by day
        ) as next_day
    from {{ ref('int_episodes__cells') }}
    where episode = 'complaint'

),

-- Of several contacts on one day all but the last came back at once.
followed as (

    select
        contacts.slice_id,
        contacts.agency_id,
        contacts.service_id,
        contacts.region_id,
        contacts.day,
        contacts.day + cast(thresholds.repeat_window_days as integer) as window_end,
        contacts.episodes_count as contacts_count,
        case when contacts.next_day <= window_end then 0 else 1 end as resolved_count
    from contacts
    cross join thresholds

),

deliveries as (

    select distinct
        agency_id,
        period_id
    from {{ ref('int_complaints__cells') }}

),

ended as (

    select
        *,
        cast(year(window_end) as varchar) || 'Q' || cast(quarter(window_end) as varchar) as period_id
    from followed

),

final as (

    select
        ended.slice_id,
        ended.agency_id,
        ended.period_id,
        ended.service_id,
        ended.region_id,
        sum(ended.contacts_count) as contacts_count,
        sum(ended.resolved_count) as resolved_count
    from ended
    -- Without the complaints of the period in which the window ended nobody knows who came back.
    inner join deliveries
        on ended.agency_id = deliveries.agency_id
        and ended.period_id = deliveries.period_id
    group by all

)

select * from final
