{# The comparability gate: whom an agency's score may be compared with, or the first reason why it may not.
Scores of a class agree in metric, period, peer group, scale and wording, frame, modes and adjustments; dates of all
calendars were converted to days of the period when they were read. Each condition counts the agencies that remain; the
reason is the condition that left too few. The same conditions hold in the national frame, which asks for no peer group. #}
with

thresholds as (

    {{ threshold_values('minimum_peers') }}

),

scores as (

    select
        scores.agency_id,
        scores.metric_id,
        scores.period_id,
        scores.instrument_id,
        agencies.peer_group,
        metrics.polarity,
        metrics.unit,
        scores.status,
        scores.status_reason,
        scores.n,
        scores.score,
        scores.standard_error,
        scores.ci_low,
        scores.ci_high,
        scores.weighting,
        scores.mode_set,
        scores.adjustments,
        string_split(scores.instrument_id, '|')[1] as scale,
        scores.status = 'reported' as is_reported,
        scores.n is not null as is_base_known,
        coalesce(isfinite(scores.standard_error), false)
        and (scores.standard_error > 0 or coalesce(scores.ci_high > scores.ci_low, false)) as has_interval
    from {{ ref('int_scores__judged') }} as scores
    inner join {{ ref('stg_registry__agencies') }} as agencies
        on scores.agency_id = agencies.agency_id
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on scores.metric_id = metrics.metric_id
    where scores.unit_type = 'agency'

),

{%- set conditions = [
    ('same_metric', []),
    ('same_scale', ['scale']),
    ('same_instrument', ['instrument_id']),
    ('same_frame', ['weighting']),
    ('same_modes', ['mode_set']),
    ('same_adjustments', ['adjustments']),
    ('same_base', ['is_base_known']),
    ('same_measure', ['has_interval']),
] %}
{%- set frames = [('', ['peer_group']), ('national_', [])] %}

counted as (

    select
        *
        {%- for frame, groups in frames %}
        {%- set keys = ['metric_id', 'period_id'] + groups + ['is_reported'] %}
        {%- for name, added in conditions %}
        {%- for column in added %}{% do keys.append(column) %}{% endfor %},
        count(distinct agency_id) over (partition by {{ keys | join(', ') }}) - 1 as {{ frame }}{{ name }}_count
        {%- endfor %}
        {%- endfor %}
    from scores

),

final as (

    select
        counted.agency_id,
        counted.metric_id,
        counted.period_id,
        counted.instrument_id,
        counted.peer_group,
        counted.polarity,
        counted.unit,
        counted.n,
        counted.score,
        counted.standard_error,
        counted.ci_low,
        counted.ci_high
        {%- for frame, groups in frames %}
        {%- set class, has_peers, reason = (
            ('national_class', 'has_national_peers', 'national_reason') if frame
            else ('comparison_class', 'has_peers', 'comparability_reason')
        ) %},
        md5(
            concat_ws(
                '|', counted.metric_id, counted.period_id
                {%- for group in groups %}, counted.{{ group }}{% endfor %}, counted.instrument_id, counted.weighting,
                counted.mode_set, counted.adjustments
            )
        ) as {{ class }},
        counted.{{ frame }}same_adjustments_count as {{ frame }}peers_count,
        counted.is_reported and counted.{{ frame }}same_adjustments_count >= thresholds.minimum_peers as {{ has_peers }},
        case
            when not counted.is_reported then counted.status_reason
            when counted.polarity = 0 then 'not_ranked_alone'
            when counted.{{ frame }}same_metric_count < thresholds.minimum_peers then 'too_few_peers'
            when counted.{{ frame }}same_scale_count < thresholds.minimum_peers then 'instrument_differs'
            when counted.{{ frame }}same_instrument_count < thresholds.minimum_peers then 'wording_differs'
            when counted.{{ frame }}same_frame_count < thresholds.minimum_peers then 'frame_differs'
            when counted.{{ frame }}same_modes_count < thresholds.minimum_peers then 'mode_set_differs'
            when counted.{{ frame }}same_adjustments_count < thresholds.minimum_peers then 'adjustment_differs'
            when not counted.is_base_known then 'base_unknown'
            when counted.{{ frame }}same_base_count < thresholds.minimum_peers then 'base_unknown'
            when not counted.has_interval then 'no_interval'
            when counted.{{ frame }}same_measure_count < thresholds.minimum_peers then 'no_interval'
        end as {{ reason }}
        {%- endfor %}
    from counted
    cross join thresholds

)

select * from final
where {{ period_is_pending() }}
