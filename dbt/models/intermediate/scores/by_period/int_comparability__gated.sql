{# The comparability gate: whom an agency's score may be compared with, or the first reason why it may not.
Scores of a class agree in metric, period, peer group, scale and wording, frame, mixes of modes and adjustments; what is
left between mixes is part of the standard error. Dates of all calendars were converted to days of the period when they
were read. Each condition counts the agencies that remain; the reason is the condition that left too few. The same
conditions hold in the national frame, which asks for no peer group. #}
with

thresholds as (

    {{ threshold_values('minimum_peers', 'minimum_n') }}

),

scores as (

    select
        scores.agency_id,
        scores.metric_id,
        scores.period_id,
        scores.instrument_id,
        coalesce(links.linked_instrument_id, scores.instrument_id) as compared_instrument_id,
        agencies.peer_group,
        metrics.polarity,
        metrics.base,
        metrics.smallest_difference,
        scores.status,
        scores.status_reason,
        scores.n,
        coalesce(links.score, scores.score) as score,
        -- Equal answers have an interval and no error, which is seen no more beside that of mixes.
        case
            when scores.standard_error = 0 and links.score is null and mixes.mode_error > 0
                then coalesce((scores.ci_high - scores.ci_low) / (2 * 1.959963984540054), 0)
            else coalesce(links.standard_error, scores.standard_error)
        end as own_error,
        sqrt(own_error ** 2 + coalesce(mixes.mode_error, 0) ** 2) as standard_error,
        coalesce(links.shared_errors, scores.shared_errors) as shared_errors,
        scores.degrees_of_freedom,
        -- Nobody is silent in records; a survey that does not tell its rate may have been answered by hardly anybody.
        case when scores.mode_set <> '' then coalesce(scores.response_rate, 0) end as response_rate,
        coalesce(links.ci_low, scores.ci_low) as ci_low,
        coalesce(links.ci_high, scores.ci_high) as ci_high,
        -- Who leaves out a part of the population is nobody's peer.
        case when scores.frame_status = 'population_not_covered' then scores.frame_status else scores.weighting end
            as weighting,
        coalesce(scores.frame_status <> 'population_not_covered', true) as is_covered,
        coalesce(mixes.mode_group, scores.mode_set) as mode_group,
        scores.adjustments,
        string_split(compared_instrument_id, '|')[1] as scale,
        -- Where nothing was sampled no base is needed to know the error: there is none.
        coalesce(metrics.base in ('census', 'index'), false) as is_exact,
        -- A public count may be shown however small; as a sample it says too little, and would blur its peers' mean.
        scores.status = 'reported'
        and (is_exact or coalesce(least(scores.n, scores.respondents) >= thresholds.minimum_n, true)) as is_reported,
        scores.n is not null or is_exact as is_base_known,
        is_exact
        or coalesce(isfinite(scores.standard_error), false)
        and (scores.standard_error > 0 or coalesce(scores.ci_high > scores.ci_low, false)) as has_interval
    from {{ ref('int_scores__judged') }} as scores
    inner join {{ ref('stg_registry__agencies') }} as agencies
        on scores.agency_id = agencies.agency_id
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on scores.metric_id = metrics.metric_id
    left join {{ ref('int_modes__grouped') }} as mixes
        on scores.agency_id = mixes.agency_id
        and scores.metric_id = mixes.metric_id
        and scores.period_id = mixes.period_id
        and scores.instrument_id = mixes.instrument_id
    left join {{ ref('int_scores__linked') }} as links
        on scores.agency_id = links.agency_id
        and scores.metric_id = links.metric_id
        and scores.period_id = links.period_id
        and scores.instrument_id = links.instrument_id
    cross join thresholds
    where scores.unit_type = 'agency'

),

{%- set keys = ['metric_id', 'period_id', 'peer_group', 'is_reported'] %}
{%- set national_keys = ['metric_id', 'period_id', 'is_reported'] %}
{%- set conditions = [
    ('same_metric', []),
    ('same_scale', ['scale']),
    ('same_instrument', ['compared_instrument_id']),
    ('same_frame', ['weighting']),
    ('same_modes', ['mode_group']),
    ('same_adjustments', ['adjustments']),
    ('same_base', ['is_base_known']),
    ('same_measure', ['has_interval']),
] %}

counted as (

    select
        *
        {%- for name, added in conditions %}
        {%- for column in added %}{% do keys.append(column) %}{% do national_keys.append(column) %}{% endfor %},
        count(distinct agency_id) over (partition by {{ keys | join(', ') }}) - 1 as {{ name }}_count,
        count(distinct agency_id) over (partition by {{ national_keys | join(', ') }}) - 1 as national_{{ name }}_count
        {%- endfor %}
    from scores

),

final as (

    select
        counted.agency_id,
        counted.metric_id,
        counted.period_id,
        counted.instrument_id,
        counted.compared_instrument_id,
        counted.peer_group,
        counted.polarity,
        counted.base,
        counted.smallest_difference,
        counted.n,
        counted.score,
        counted.standard_error,
        counted.shared_errors,
        counted.degrees_of_freedom,
        counted.response_rate,
        counted.ci_low,
        counted.ci_high,
        md5(
            concat_ws(
                '|', counted.metric_id, counted.period_id, counted.peer_group, counted.compared_instrument_id,
                counted.weighting, counted.mode_group, counted.adjustments
            )
        ) as comparison_class,
        counted.same_adjustments_count as peers_count,
        counted.is_reported and counted.same_adjustments_count >= thresholds.minimum_peers as has_peers,
        {{ gate_reason('') }} as comparability_reason,
        md5(
            concat_ws(
                '|', counted.metric_id, counted.period_id, counted.compared_instrument_id, counted.weighting,
                counted.mode_group, counted.adjustments
            )
        ) as national_class,
        counted.national_same_adjustments_count as national_peers_count,
        counted.is_reported
        and counted.national_same_adjustments_count >= thresholds.minimum_peers as has_national_peers,
        {{ gate_reason('national_') }} as national_reason
    from counted
    cross join thresholds

)

select * from final
where {{ period_is_pending() }}
