{# Moments of every two questions over the responses that answer both, so that a driver's importance knows what drivers
share. x and y are steps above the worst answer: their sums are exact in any order. #}
with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.response_id,
        answers.item,
        max(answers.scale_id) as scale_id,
        max(answers.wording_version) as wording_version,
        max(answers.scale_max - answers.scale_min) as scale_range,
        max({{ steps_above_worst('answers.value') }}) as position
    from {{ pending_rows('survey_responses') }} as answers
    where answers.answer_status = 'answered'
    group by
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.response_id,
        answers.item

),

final as (

    select
        one.slice_id,
        one.agency_id,
        one.period_id,
        one.item,
        one.scale_id || '/' || (one.scale_range + 1) || '|' || one.wording_version as instrument_id,
        other.item as other_item,
        other.scale_id || '/' || (other.scale_range + 1) || '|' || other.wording_version as other_instrument_id,
        count(*) as responses_count,
        sum(one.position) as sum_x,
        sum(other.position) as sum_y,
        sum(one.position * one.position) as sum_xx,
        sum(other.position * other.position) as sum_yy,
        sum(one.position * other.position) as sum_xy
    from answers as one
    inner join answers as other
        on one.slice_id = other.slice_id
        and one.response_id = other.response_id
        and one.item < other.item
    group by
        one.slice_id,
        one.agency_id,
        one.period_id,
        one.item,
        one.scale_id,
        one.scale_range,
        one.wording_version,
        other.item,
        other.scale_id,
        other.scale_range,
        other.wording_version

)

select * from final
