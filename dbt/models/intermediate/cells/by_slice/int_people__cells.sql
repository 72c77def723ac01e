{# Who gave which answer, so that two figures of the same people can be told to be: the pseudonym where one was
delivered, else the response. It never leaves the warehouse. #}
with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.service_id,
        answers.branch_id,
        answers.region_id,
        answers.journey_id,
        answers.stage,
        answers.item,
        answers.scale_id,
        answers.wording_version,
        answers.scale_max - answers.scale_min as scale_range,
        answers.beneficiary is not null as is_known,
        coalesce(answers.beneficiary, answers.response_id) as person,
        cast({{ steps_above_worst('answers.value') }} as decimal(18, 6)) as position
    from {{ pending_rows('survey_responses') }} as answers
    where answers.value is not null

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
        stage,
        item,
        scale_id,
        wording_version,
        scale_range,
        is_known,
        person,
        position,
        count(*) as n
    from answers
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        stage,
        item,
        scale_id,
        wording_version,
        scale_range,
        is_known,
        person,
        position

)

select * from final
