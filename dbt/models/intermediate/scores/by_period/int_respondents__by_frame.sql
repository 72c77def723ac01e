{# Answers to each metric's question in the cells of the population frame; y is in the metric's unit. Without delivered
weights the counts serve as weights and their squares: this is so in most surveys and saves half of the sums. #}
with

{% for kind in ['weighted', 'counted'] %}
{%- set w = 'w' if kind == 'weighted' else 'asked_count' %}
{{ kind }} as (

    select
        agency_id,
        period_id,
        metric_id,
        instrument_id,
        unit_y,
        coalesce(service_id, '-') as service_id,
        coalesce(channel, '-') as channel,
        coalesce(region_id, '-') as region_id,
        coalesce(segment, '-') as segment,
        sum(asked_count) as asked_count,
        sum(invited_count) as invited_count,
        sum(responded_count) as responded_count,
        sum(asked_count) filter (where y is not null) as n,
        {%- if kind == 'weighted' %}
        sum(w) as asked_w,
        sum(w2) as asked_w2,
        sum(w) filter (where y is not null) as w,
        sum(w2) filter (where y is not null) as w2,
        sum(w2 * y) as w2y,
        sum(w2 * cast(y * y as decimal(12, 6))) as w2y2,
        {%- endif %}
        sum({{ w }} * y) as wy,
        sum({{ w }} * cast(y * y as decimal(12, 6))) as wyy
    from {{ ref('int_respondents__measured') }}
    where has_weights = {{ 'true' if kind == 'weighted' else 'false' }}
        and {{ period_is_pending() }}
    group by all

),
{% endfor %}

answers as (

    select * from weighted
    union all by name
    select
        *,
        asked_count as asked_w,
        asked_count as asked_w2,
        n as w,
        n as w2,
        wy as w2y,
        wyy as w2y2
    from counted

),

-- Named only after summing, because the sample follows from the metric.
final as (

    select
        answers.agency_id,
        answers.period_id,
        answers.metric_id,
        answers.instrument_id,
        answers.service_id,
        answers.channel,
        answers.region_id,
        answers.segment,
        cast(answers.asked_count as bigint) as asked_count,
        cast(answers.invited_count as bigint) as invited_count,
        cast(answers.responded_count as bigint) as responded_count,
        cast(answers.asked_w as double) as asked_w,
        cast(answers.asked_w2 as double) as asked_w2,
        cast(coalesce(answers.n, 0) as bigint) as n,
        cast(coalesce(answers.w, 0) as double) as w,
        answers.unit_y * coalesce(cast(answers.wy as double), 0) as wy,
        answers.unit_y ** 2 * coalesce(cast(answers.wyy as double), 0) as wyy,
        cast(coalesce(answers.w2, 0) as double) as w2,
        answers.unit_y * coalesce(cast(answers.w2y as double), 0) as w2y,
        answers.unit_y ** 2 * coalesce(cast(answers.w2y2 as double), 0) as w2y2,
        samples.stages
    from answers
    inner join {{ ref('int_survey_samples__by_stage') }} as samples
        on answers.agency_id = samples.agency_id
        and answers.period_id = samples.period_id
        and answers.metric_id = samples.metric_id
    where {{ period_is_pending('samples.period_id') }}

)

select * from final
