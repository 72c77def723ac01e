with

versions as (

    select
        complaints.*,
        {{ age_of_version('complaints') }} as version_rank,
        -- One file is one extract, taken when its latest row says, or no earlier than its last case was opened: a time
        -- of its own for each open case could hide how long it has been open.
        coalesce(
            max(complaints.extracted_at) over (partition by complaints.submission_id),
            max(complaints.opened_at) over (partition by complaints.submission_id)
        ) as known_until,
        -- A step that a provider never records is unknown, not missing.
        max(case when complaints.acknowledged_at is not null then 1 else 0 end)
            over (partition by complaints.submission_id) as records_acknowledged,
        max(case when complaints.escalated_at is not null then 1 else 0 end)
            over (partition by complaints.submission_id) as records_escalated
    from {{ pending_rows('complaints') }} as complaints

),

cases as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        category_code,
        acknowledged_at,
        escalated_at,
        reopened_count,
        outcome,
        closed_at,
        coalesce(resolved_at, closed_at) as answered_at,
        due_at,
        known_until,
        records_acknowledged,
        records_escalated
    from versions
    where version_rank = 1

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
        category_code,
        count(*) as opened_count,
        sum(records_acknowledged) as acknowledgeable_count,
        count(case when acknowledged_at is not null then 1 end) as acknowledged_count,
        -- Due by the extract, whether answered or not: cases due later would be there only if they were quick. One that
        -- was withdrawn was not answered.
        count(case when due_at <= known_until then 1 end) as due_by_extract_count,
        count(
            case
                when due_at <= known_until and answered_at <= due_at and coalesce(outcome, '') <> 'withdrawn' then 1
            end
        ) as in_time_by_extract_count,
        -- As until 2026.1: answered, or open and past its due time.
        count(case when due_at is not null and (answered_at is not null or due_at <= known_until) then 1 end)
            as due_count,
        count(case when answered_at <= due_at then 1 end) as in_time_count,
        count(case when answered_at is not null then 1 end) as answered_count,
        count(case when closed_at is not null and reopened_count is not null then 1 end) as closed_count,
        count(case when closed_at is not null and reopened_count > 0 then 1 end) as reopened_count,
        sum(records_escalated) as escalatable_count,
        count(case when escalated_at is not null then 1 end) as escalated_count,
        count(case when outcome in ('upheld', 'partly') then 1 end) as upheld_count,
        count(case when outcome = 'partly' then 1 end) as partly_count,
        count(case when outcome in ('upheld', 'partly', 'not_upheld') then 1 end) as decided_count,
        -- What an answered case would add to a base had its provider not left the field blank.
        count(case when answered_at is not null and outcome is null then 1 end) as outcome_missing_count,
        count(case when closed_at is not null and reopened_count is null then 1 end) as reopenings_missing_count
    from cases
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        category_code

)

select * from final
