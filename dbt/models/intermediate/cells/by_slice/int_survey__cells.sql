{%- set box_count = 'count(case when position = %d then 1 end) as box_%02d_count' %}
{%- set box_counts = [] %}
{%- for box in range(11) %}{% do box_counts.append(box_count % (box, box)) %}{% endfor %}

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
        answers.touchpoint,
        answers.channel,
        answers.mode,
        answers.segment,
        answers.item,
        answers.scale_id,
        answers.wording_version,
        answers.scale_max - answers.scale_min as scale_range,
        answers.answer_status,
        {{ steps_above_worst('answers.value') }} as position
    from {{ pending_rows('survey_responses') }} as answers

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
        touchpoint,
        channel,
        mode,
        segment,
        item,
        scale_id,
        wording_version,
        scale_range,
        count(*) as asked_count,
        count(position) as answered_count,
        count(case when answer_status = 'dont_know' then 1 end) as dont_know_count,
        count(case when answer_status = 'not_applicable' then 1 end) as not_applicable_count,
        count(case when answer_status = 'refused' then 1 end) as refused_count,
        count(case when answer_status = 'missing' then 1 end) as missing_count,
        -- A sum gets a wider type than its parts; a 64-bit one is read ten times as fast.
        cast(sum(position) as decimal(18, 6)) as sum_position,
        sum(position * position) as sum_position2,
        {{ box_counts | join(',\n        ') }}
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
        touchpoint,
        channel,
        mode,
        segment,
        item,
        scale_id,
        wording_version,
        scale_range

)

select * from final
