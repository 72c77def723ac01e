{# Within a response: each item about the whole journey with the mean of its answers about each
stage, all on 0-100. The methodology decides which of these items is the journey's own, so all are
kept. Only complete responses make products. Answers of one person are alike, so that errors come from the totals of persons: their
counts and sums, multiplied within a part and between stages. #}
{%- set stages = ['before', 'during', 'after'] %}
{%- set parts = ['whole'] + stages %}
{%- set stage_mean = "cast(round(cast(sum(case when stage = '%s' then score end) as double)"
    ~ " / nullif(count(case when stage = '%s' then score end), 0), 6) as decimal(12, 6)) as %s_score" %}
{%- set stage_means = [] %}
{%- set stage_scores = [] %}
{%- set stages_known = [] %}
{%- for stage in stages %}
{%- do stage_means.append(stage_mean % (stage, stage, stage)) %}
{%- do stage_scores.append('stage_scores.%s_score' % stage) %}
{%- do stages_known.append('stage_scores.%s_score is not null' % stage) %}
{%- endfor %}
{%- set columns = [] %}
{%- set sums = [] %}
{%- for part in parts %}
{%- do sums.append('count(%s_score) as %s_count' % (part, part)) %}
{%- do sums.append('sum(%s_score) as sum_%s' % (part, part)) %}
{%- do sums.append('sum(%s_score * %s_score) as sum_%s2' % (part, part, part)) %}
{%- do columns.extend([part ~ '_count', 'sum_' ~ part, 'sum_' ~ part ~ '2']) %}
{%- endfor %}
{%- set products = [] %}
{%- for one in parts %}
{%- do products.append('sum(case when complete_once = 1 then %s_score end) as complete_%s' % (one, one)) %}
{%- do columns.append('complete_' ~ one) %}
{%- for other in parts[loop.index0:] %}
{%- do products.append(
    'sum(case when complete_once = 1 then %s_score * %s_score end) as complete_%s_%s' % (one, other, one, other)
) %}
{%- do columns.append('complete_%s_%s' % (one, other)) %}
{%- endfor %}
{%- endfor %}
{%- set added = [] %}
{%- for column in ['complete_count'] + columns %}
{%- do added.append('sum(%s) as %s' % (column, column)) %}
{%- endfor %}
{%- set totals = [] %}
{%- set total = 'cast(sum_%s as decimal(18, 6))' %}
{%- for part in parts %}
{%- do added.append('count(case when %s_count > 0 then 1 end) as %s_persons' % (part, part)) %}
{%- for other in [part] + (stages[stages.index(part) + 1:] if part in stages else []) %}
{%- set pair = '%s_%s' % (part, other) %}
{%- do totals.append('sum(%s_count * %s_count) as %s_n_n' % (part, other, pair)) %}
{%- do totals.append('sum(%s_count * %s) as %s_n_y' % (part, total % other, pair)) %}
{%- do totals.append('sum(%s * %s_count) as %s_y_n' % (total % part, other, pair)) %}
{%- do totals.append('sum(%s * %s) as %s_y_y' % (total % part, total % other, pair)) %}
{%- endfor %}
{%- endfor %}

with

answers as (

    select
        answers.slice_id,
        answers.agency_id,
        answers.period_id,
        answers.journey_id,
        answers.submission_id,
        answers.response_id,
        coalesce(answers.beneficiary, answers.submission_id || '/' || answers.response_id) as person,
        coalesce(answers.stage, 'whole') as stage,
        answers.item,
        answers.scale_id,
        answers.wording_version,
        answers.scale_max - answers.scale_min as scale_range,
        {{ steps_above_worst('answers.value') }} as position
    from {{ pending_rows('survey_responses') }} as answers
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
        -- Rounded to decimals so that sums over responses do not depend on their order.
        {{ stage_means | join(',\n        ') }}
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
        scores.person,
        scores.item,
        scores.scale_id,
        scores.scale_range,
        scores.wording_version,
        scores.score as whole_score,
        {{ stage_scores | join(',\n        ') }},
        case when {{ stages_known | join(' and ') }} then 1 else 0 end as complete_once
    from scores
    inner join stage_scores
        on scores.slice_id = stage_scores.slice_id
        and scores.journey_id = stage_scores.journey_id
        and scores.submission_id = stage_scores.submission_id
        and scores.response_id = stage_scores.response_id
    where scores.stage = 'whole'

),

persons as (

    select
        slice_id,
        agency_id,
        period_id,
        journey_id,
        person,
        item,
        scale_id,
        scale_range,
        wording_version,
        sum(complete_once) as complete_count,
        {{ sums | join(',\n        ') }},
        {{ products | join(',\n        ') }}
    from responses
    group by
        slice_id,
        agency_id,
        period_id,
        journey_id,
        person,
        item,
        scale_id,
        scale_range,
        wording_version

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
        {{ added | join(',\n        ') }},
        {{ totals | join(',\n        ') }}
    from persons
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
