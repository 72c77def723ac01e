{# Cross-moments within one response: overall satisfaction with speed, outcome and expectation. A response enters with
the questions it answered: an unanswered question has no range, so that later sums stay over the same people. #}
{#- Role of a question (`roles.csv`) by the name its columns have. -#}
{%- set roles = {'overall': 'satisfaction', 'speed': 'speed', 'outcome': 'outcome', 'expectation': 'expectation'} %}
{%- set names = roles.keys() | list %}

with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.response_id,
        items.role,
        answers.scale_id,
        answers.wording_version,
        answers.mode,
        answers.segment,
        answers.age_band,
        answers.gender,
        answers.nationality_class,
        answers.scale_max - answers.scale_min as scale_range,
        {{ steps_above_worst('answers.value') }} as position
    from {{ pending_rows('survey_responses') }} as answers
    inner join {{ ref('stg_methodology__items') }} as items
        on answers.item = items.item
    where answers.answer_status = 'answered'

),

responses as (

    select
        slice_id,
        agency_id,
        period_id,
        response_id,
        max(mode) as mode,
        max(segment) as segment,
        max(age_band) as age_band,
        max(gender) as gender,
        max(nationality_class) as nationality_class,
        max(case when role = 'satisfaction' then scale_id end) as scale_id,
        {%- for name, role in roles.items() %}
        max(case when role = '{{ role }}' then scale_range end) as {{ name }}_range,
        max(case when role = '{{ role }}' then position end) as {{ name }},
        {%- endfor %}
        max(case when role = 'satisfaction' then wording_version end) as wording_version
    from answers
    group by
        slice_id,
        agency_id,
        period_id,
        response_id

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        mode,
        segment,
        age_band,
        gender,
        nationality_class,
        scale_id,
        wording_version,
        overall_range,
        speed_range,
        outcome_range,
        expectation_range,
        {%- for name in names %}
        sum({{ name }}) as sum_{{ name }},
        {%- for other in names[names.index(name):] %}
        sum({{ name }} * {{ other }}) as sum_{{ name }}_{{ other }},
        {%- endfor %}
        {%- endfor %}
        count(*) as responses_count
    from responses
    where overall is not null
    group by
        slice_id,
        agency_id,
        period_id,
        mode,
        segment,
        age_band,
        gender,
        nationality_class,
        scale_id,
        wording_version,
        overall_range,
        speed_range,
        outcome_range,
        expectation_range

)

select * from final
