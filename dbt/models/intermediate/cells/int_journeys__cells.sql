{# Within a response: each item about the whole journey beside the mean of its answers about each stage, all on 0-100. Which
of the whole items is the journey's own is the methodology's choice, so all are kept. Complete responses only make products. #}
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook='{{ forget_pending_slices() }}'
    )
}}

{%- set stages = ['before', 'during', 'after'] %}
{%- set parts = ['whole'] + stages %}

with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.journey_id,
        answers.submission_id,
        answers.response_id,
        coalesce(answers.stage, 'whole') as stage,
        answers.item,
        answers.scale_id,
        answers.wording_version,
        answers.scale_max - answers.scale_min as scale_range,
        case
            when answers.is_reversed then answers.scale_max - answers.value
            else answers.value - answers.scale_min
        end as position
    from {{ ref('stg_lake__survey_responses') }} as answers
    inner join {{ ref('int_slices__pending') }} as pending
        on answers.slice_id = pending.slice_id
        and answers.submission_id = pending.submission_id
    where answers.journey_id is not null
        and answers.value is not null

),

scores as (

    select
        *,
        cast(round(100 * cast(position as double) / nullif(cast(scale_range as double), 0), 6) as decimal(12, 6))
            as score
    from answers

),

stage_scores as (

    select
        slice_id,
        journey_id,
        submission_id,
        response_id,
        {%- for stage in stages %}
        -- Rounded to a decimal so that sums over responses do not depend on their order.
        cast(
            round(
                cast(sum(case when stage = '{{ stage }}' then score end) as double)
                / nullif(count(case when stage = '{{ stage }}' then score end), 0),
                6
            ) as decimal(12, 6)
        ) as {{ stage }}_score{{ ',' if not loop.last }}
        {%- endfor %}
    from scores
    group by
        slice_id,
        journey_id,
        submission_id,
        response_id

),

responses as (

    select
        scores.slice_id,
        scores.agency_id,
        scores.period_id,
        scores.journey_id,
        scores.item,
        scores.scale_id,
        scores.scale_range,
        scores.wording_version,
        scores.score as whole_score,
        {%- for stage in stages %}
        stage_scores.{{ stage }}_score,
        {%- endfor %}
        case
            when {% for stage in stages %}stage_scores.{{ stage }}_score is not null{{ ' and ' if not loop.last }}{% endfor %}
                then 1
            else 0
        end as is_complete
    from scores
    inner join stage_scores
        on scores.slice_id = stage_scores.slice_id
        and scores.journey_id = stage_scores.journey_id
        and scores.submission_id = stage_scores.submission_id
        and scores.response_id = stage_scores.response_id
    where scores.stage = 'whole'

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        journey_id,
        item,
        scale_id,
        scale_range,
        wording_version,
        {%- for part in parts %}
        count({{ part }}_score) as {{ part }}_count,
        sum({{ part }}_score) as sum_{{ part }},
        sum({{ part }}_score * {{ part }}_score) as sum_{{ part }}2,
        {%- endfor %}
        sum(is_complete) as complete_count
        {%- for part in parts %},
        sum(case when is_complete = 1 then {{ part }}_score end) as complete_{{ part }}
        {%- endfor %}
        {%- for one in parts %}
        {%- for other in parts[loop.index0:] %},
        sum(case when is_complete = 1 then {{ one }}_score * {{ other }}_score end) as complete_{{ one }}_{{ other }}
        {%- endfor %}
        {%- endfor %}
    from responses
    group by
        slice_id,
        agency_id,
        period_id,
        journey_id,
        item,
        scale_id,
        scale_range,
        wording_version

)

select * from final
