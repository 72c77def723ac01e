{# How long cases took, for curves with open cases in them. Clocks start when a case is opened: resolved, acknowledged,
withdrawn, and promised, which stops when it is due. A withdrawn case can no more be resolved, nor a resolved one withdrawn: each is the other's
competing event. A case opened before its period was taken over with the stock: it is watched only from the
period's first moment, so it enters late. A case that would enter late and leave within the same step of the
clock was never watched: it is left out. #}
with

versions as (

    select
        complaints.slice_id,
        complaints.agency_id,
        complaints.period_id,
        complaints.service_id,
        complaints.region_id,
        complaints.opened_at,
        complaints.due_at,
        complaints.acknowledged_at,
        coalesce(complaints.resolved_at, complaints.closed_at) as answered_at,
        coalesce(complaints.outcome = 'withdrawn', false) as is_withdrawn,
        {{ first_moment('complaints.period_id') }} as period_start,
        {{ age_of_version('complaints') }} as version_rank,
        -- An extract without its own time was taken no earlier than its last case was opened.
        coalesce(
            max(complaints.extracted_at) over (partition by complaints.submission_id),
            max(complaints.opened_at) over (partition by complaints.submission_id)
        ) as known_until,
        -- A step that a provider never records is unknown, not missing.
        max(case when complaints.acknowledged_at is not null then 1 else 0 end)
            over (partition by complaints.submission_id) as records_acknowledged,
        max(case when complaints.outcome is not null then 1 else 0 end)
            over (partition by complaints.submission_id) as records_outcome
    from {{ pending_rows('complaints') }} as complaints

),

-- A withdrawal without a time happened by the extract at the latest.
closed as (

    select
        *,
        case when is_withdrawn then coalesce(answered_at, known_until) else answered_at end as left_at
    from versions
    where version_rank = 1

),

clocks as (

    select
        slice_id, agency_id, period_id, service_id, region_id, 'resolved' as clock,
        opened_at, left_at as stopped_at, is_withdrawn as has_competed, known_until, period_start
    from closed
    union all
    select
        slice_id, agency_id, period_id, service_id, region_id, 'acknowledged' as clock,
        opened_at, acknowledged_at as stopped_at, false as has_competed, known_until, period_start
    from closed
    where records_acknowledged = 1
    union all
    select
        slice_id, agency_id, period_id, service_id, region_id, 'withdrawn' as clock,
        opened_at, left_at as stopped_at, not is_withdrawn as has_competed, known_until, period_start
    from closed
    where records_outcome = 1
    union all
    select
        slice_id, agency_id, period_id, service_id, region_id, 'promised' as clock,
        opened_at, due_at as stopped_at, false as has_competed, known_until, period_start
    from closed
    where due_at is not null
        and opened_at >= period_start

),

watched as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        clock,
        case when stopped_at is null or has_competed then 0 else 1 end as has_ended,
        case when stopped_at is not null and has_competed then 1 else 0 end as has_competed,
        case
            when stopped_at is not null then {{ whole_hours('stopped_at', 'opened_at', true) }}
            else {{ whole_hours('known_until', 'opened_at', false) }}
        end as hours_left,
        case when opened_at < period_start then {{ whole_hours('period_start', 'opened_at', false) }} else 0 end
            as hours_entered
    from clocks
    -- A time before the opening is a recording error, not a duration.
    where coalesce(stopped_at, known_until) >= opened_at

),

steps as (

    select
        slice_id, agency_id, period_id, service_id, region_id, clock,
        hours_left as duration_hours, has_ended as ended, has_competed as competing,
        1 - has_ended - has_competed as censored, 0 as entered
    from watched
    where hours_entered = 0 or hours_left > hours_entered
    union all
    select
        slice_id, agency_id, period_id, service_id, region_id, clock,
        hours_entered as duration_hours, 0 as ended, 0 as competing, 0 as censored, 1 as entered
    from watched
    where hours_entered = 0 or hours_left > hours_entered

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        clock,
        duration_hours,
        sum(ended) as ended_count,
        sum(competing) as competing_count,
        sum(censored) as censored_count,
        sum(entered) as entered_count
    from steps
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        clock,
        duration_hours

)

select * from final
