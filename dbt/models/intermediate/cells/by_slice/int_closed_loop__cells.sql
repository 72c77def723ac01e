{# From each answer on overall satisfaction to the first human contact: how long, with what outcome, and the answer
given afterwards. Which box counts as dissatisfied is decided later, so the box stays in the key. #}
with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.service_id,
        answers.region_id,
        answers.scale_id,
        answers.wording_version,
        answers.scale_max - answers.scale_min as scale_range,
        answers.responded_at,
        answers.attempted_at,
        answers.reached_at,
        answers.recovery,
        {{ steps_above_worst('answers.value') }} as position,
        {{ steps_above_worst('answers.recovered_value') }} as recovered_position,
        -- A file is known to be complete up to the latest event in it.
        max(coalesce(answers.reached_at, answers.attempted_at, answers.responded_at))
            over (partition by answers.submission_id) as known_until,
        max(case when coalesce(answers.reached_at, answers.attempted_at) is not null then 1 else 0 end)
            over (partition by answers.submission_id) as records_contacts
    from {{ pending_rows('survey_responses') }} as answers
    -- The question a loop is closed on; its answer after recovery is on the same scale.
    inner join {{ ref('stg_methodology__items') }} as items
        on answers.item = items.item
    where items.role = 'satisfaction'
        and answers.answer_status = 'answered'

),

loops as (

    select
        *,
        case when reached_at is not null then 1 else 0 end as reached
    from answers
    -- A provider that records no contact at all may close its loops elsewhere: they are unknown, not open.
    where records_contacts = 1
        and responded_at is not null
        and (reached_at is null or reached_at >= responded_at)

),

clocked as (

    select
        *,
        case
            when reached = 1 then {{ whole_hours('reached_at', 'responded_at', true) }}
            else {{ whole_hours('known_until', 'responded_at', false) }}
        end as duration_hours
    from loops

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        scale_id,
        wording_version,
        scale_range,
        position,
        duration_hours,
        count(*) as loops_count,
        sum(reached) as reached_count,
        count(case when attempted_at is not null or reached = 1 then 1 end) as attempted_count,
        count(case when reached = 1 and recovery is not null then 1 end) as outcome_count,
        count(case when reached = 1 and recovery = 'solved' then 1 end) as solved_count,
        count(case when reached = 1 and recovery = 'not_solved' then 1 end) as not_solved_count,
        count(case when reached = 1 and recovery = 'declined' then 1 end) as declined_count,
        count(case when reached = 1 then recovered_position end) as recovered_count,
        sum(case when reached = 1 then recovered_position - position end) as sum_uplift,
        sum(case when reached = 1 then (recovered_position - position) * (recovered_position - position) end)
            as sum_uplift2
    from clocked
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        scale_id,
        wording_version,
        scale_range,
        position,
        duration_hours

)

select * from final
