{# Who answered what: the profile a respondent is weighted and adjusted by, and the answer itself. With the position in
the key, the sums of the design weight and of its square are all that any weighted mean, share or variance needs. Of persons who
responded more than once the pseudonym is in the key, for their answers are alike; of others it would only make more cells. #}
with

repeated as (

    select
        answers.slice_id,
        answers.beneficiary as person
    from {{ pending_rows('survey_responses') }} as answers
    where answers.beneficiary is not null
    group by
        answers.slice_id,
        answers.beneficiary
    -- Two files of a slice may number their responses alike.
    having min(answers.response_id) < max(answers.response_id)
        or min(answers.submission_id) < max(answers.submission_id)

),

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.service_id,
        answers.branch_id,
        answers.region_id,
        answers.journey_id,
        repeated.person,
        answers.channel,
        answers.segment,
        answers.stage,
        answers.mode,
        answers.age_band,
        answers.gender,
        answers.nationality_class,
        answers.item,
        answers.scale_id,
        answers.wording_version,
        answers.scale_max - answers.scale_min as scale_range,
        answers.design_weight,
        answers.invited_at,
        answers.responded_at,
        cast({{ steps_above_worst('answers.value') }} as decimal(18, 6)) as position
    from {{ pending_rows('survey_responses') }} as answers
    left join repeated
        on answers.slice_id = repeated.slice_id
        and answers.beneficiary = repeated.person

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
        person,
        channel,
        segment,
        stage,
        mode,
        age_band,
        gender,
        nationality_class,
        item,
        scale_id,
        wording_version,
        scale_range,
        position,
        count(*) as asked_count,
        count(invited_at) as invited_count,
        count(case when invited_at is not null then responded_at end) as responded_count,
        count(design_weight) as weighted_count,
        sum(design_weight) as sum_weight,
        sum(design_weight * design_weight) as sum_weight2
    from answers
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        person,
        channel,
        segment,
        stage,
        mode,
        age_band,
        gender,
        nationality_class,
        item,
        scale_id,
        wording_version,
        scale_range,
        position

)

select * from final
