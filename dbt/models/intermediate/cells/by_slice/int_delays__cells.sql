{# Answers of those who took longer to respond than half of those asked alike (same mode, same service), and of the
others: who comes late is nearer to those who never come. In neither half is what was answered on no known invitation,
or where all took the same time: there late would be a mode or a service, and no person. #}
with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        coalesce(answers.mode, '') || '|' || coalesce(answers.service_id, '') as asked_as,
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
        asked_as,
        percentile_disc(5e-1) within group (order by delay) as middle
    from answers
    group by slice_id, asked_as
    having max(delay) > min(delay)

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
        and answers.asked_as = halves.asked_as
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
