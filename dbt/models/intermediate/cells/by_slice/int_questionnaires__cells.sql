{# Questionnaires by the day they came in: how many, how many answered all alike, how many pairs of one day are equal
in every answer. For screens only; no score uses it. #}
{#- Two answers are too often alike by chance; three on one scale make a questionnaire. -#}
{%- set fewest_items = 3 %}

with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.response_id,
        answers.responded_at,
        answers.scale_id,
        answers.value,
        {{ fingerprint("answers.item || '|' || coalesce(answers.stage, '') || '|' || cast(answers.value as "
            ~ dbt.type_string() ~ ")") }} as answer_code
    from {{ pending_rows('survey_responses') }} as answers
    where answers.answer_status = 'answered'

),

questionnaires as (

    select
        slice_id,
        agency_id,
        period_id,
        response_id,
        cast(min(responded_at) as date) as day,
        sum(answer_code) as pattern,
        case when count(*) >= {{ fewest_items }} and min(scale_id) = max(scale_id) then 1 else 0 end as is_comparable,
        case when min(value) = max(value) then 1 else 0 end as is_straight
    from answers
    group by
        slice_id,
        agency_id,
        period_id,
        response_id

),

patterns as (

    select
        slice_id,
        agency_id,
        period_id,
        day,
        is_comparable,
        is_straight,
        pattern,
        count(*) as questionnaires_count
    from questionnaires
    group by
        slice_id,
        agency_id,
        period_id,
        day,
        is_comparable,
        is_straight,
        pattern

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        day,
        sum(questionnaires_count) as questionnaires_count,
        sum(is_comparable * questionnaires_count) as comparable_count,
        sum(is_comparable * is_straight * questionnaires_count) as straight_count,
        -- Twice the number of pairs, which stays an integer.
        sum(is_comparable * questionnaires_count * (questionnaires_count - 1)) as equal_pairs_twice
    from patterns
    group by
        slice_id,
        agency_id,
        period_id,
        day

)

select * from final
