{# Answers of those who took longer than half of their slice to respond, and of the others: who comes late is nearer to those
who never come. What was answered on no known invitation is in neither half. #}
with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.stage,
        answers.item,
        answers.scale_id,
        answers.wording_version,
        answers.scale_max - answers.scale_min as scale_range,
        answers.responded_at - answers.invited_at as delay,
        {{ steps_above_worst('answers.value') }} as position
    from {{ pending_rows('survey_responses') }} as answers
    where answers.answer_status = 'answered'
        and answers.responded_at >= answers.invited_at

),

halves as (

    select
        slice_id,
        percentile_disc(0.5) within group (order by delay) as middle
    from answers
    group by slice_id

),

final as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.stage,
        answers.item,
        answers.scale_id,
        answers.wording_version,
        answers.scale_range,
        answers.delay > halves.middle as is_late,
        count(*) as answered_count,
        cast(sum(answers.position) as decimal(18, 6)) as sum_position,
        sum(answers.position * answers.position) as sum_position2
    from answers
    inner join halves
        on answers.slice_id = halves.slice_id
    group by
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.stage,
        answers.item,
        answers.scale_id,
        answers.wording_version,
        answers.scale_range,
        is_late

)

select * from final
