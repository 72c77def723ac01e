with

usage as (

    select usage.*
    from {{ pending_rows('service_usage') }} as usage

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
        segment,
        count(*) as rows_count,
        sum(started) as started_count,
        sum(completed) as completed_count,
        sum(not_eligible) as not_eligible_count,
        -- A completion rate needs both numbers in the same row.
        sum(case when started is not null and completed is not null then started end) as rated_started_count,
        sum(case when started is not null and completed is not null then completed + coalesce(not_eligible, 0) end)
            as rated_ended_count,
        sum(failed) as failed_count,
        sum(abandoned) as abandoned_count,
        sum(repeat_visits) as repeat_visits_count,
        sum(duration_count) as duration_count,
        sum(duration_minutes) as duration_minutes,
        sum(case when minutes_due is not null then minutes_available end) as minutes_available,
        sum(case when minutes_available is not null then minutes_due end) as minutes_due,
        sum(cost) as cost
    from usage
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        segment

)

select * from final
