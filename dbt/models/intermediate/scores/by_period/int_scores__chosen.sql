{# Raw, weighted and adjusted side by side, and the one compared: adjusted where defined, else weighted, else raw. #}
with

metrics as (

    select
        metric_id,
        feed
    from {{ ref('stg_methodology__metrics') }}

),

frames as (

    select
        samples.agency_id,
        samples.period_id,
        samples.metric_id,
        max(weights.frame_status) as frame_status,
        min(weights.covered_share) as covered_share
    from {{ ref('int_survey_samples__by_stage') }} as samples
    inner join {{ ref('int_weights__estimated') }} as weights
        on samples.agency_id = weights.agency_id
        and samples.period_id = weights.period_id
        and samples.stages = weights.stages
    where {{ period_is_pending('samples.period_id') }}
        and {{ period_is_pending('weights.period_id') }}
    group by all

),

offers as (

    select *
    from {{ ref('int_respondents__by_frame') }}
    where {{ period_is_pending() }}

),

-- A file with respondents only says nothing about those who did not respond.
rates as (

    {%- for unit_type in unit_types('frame', 'known') %}
    select
        '{{ unit_type }}' as unit_type,
        {{ unit_id(unit_type) }} as unit_id,
        metric_id,
        period_id,
        instrument_id,
        case
            when sum(invited_count) > sum(responded_count) then sum(responded_count) / sum(invited_count)
        end as response_rate
    from offers
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- A series without modes begins at its first score; parts of an agency follow the modes of its survey.
starts as (

    select
        scores.unit_type,
        scores.unit_id,
        scores.metric_id,
        scores.instrument_id,
        min(scores.period_id) as series_id
    from {{ ref('int_scores__estimated') }} as scores
    inner join metrics
        on scores.metric_id = metrics.metric_id
    where metrics.feed <> 'survey_responses'
        or scores.instrument_id = 'reported'
        or scores.unit_type in ('agency', 'region', 'journey')
    group by all

),

final as (

    select
        raw.unit_type,
        raw.unit_id,
        raw.agency_id,
        raw.metric_id,
        raw.period_id,
        raw.instrument_id,
        raw.n,
        raw.n_at_least,
        case
            when metrics.feed = 'survey_responses' and raw.instrument_id <> 'reported' then raw.respondents
        end as respondents,
        raw.slice_ids,
        raw.withheld_reason,
        raw.score as score_raw,
        weighted.score as score_weighted,
        adjusted.score as score_adjusted,
        case
            when adjusted.score is not null then 'adjusted'
            when weighted.score is not null then 'weighted'
            else 'raw'
        end as score_basis,
        coalesce(adjusted.adjustments, '') as adjustments,
        coalesce(adjusted.shared_errors, '') as shared_errors,
        coalesce(adjusted.score, weighted.score, raw.score) as score,
        case score_basis
            when 'adjusted' then adjusted.standard_error
            when 'weighted' then weighted.standard_error
            else raw.standard_error
        end as standard_error,
        case score_basis
            when 'adjusted' then adjusted.ci_low
            when 'weighted' then weighted.ci_low
            else raw.ci_low
        end as ci_low,
        case score_basis
            when 'adjusted' then adjusted.ci_high
            when 'weighted' then weighted.ci_high
            else raw.ci_high
        end as ci_high,
        case
            when score_basis = 'adjusted' then 'variance_recovery'
            when score_basis = 'weighted' then 'taylor_' || raw.interval_method
            else raw.interval_method
        end as interval_method,
        coalesce(weighted.n_effective, raw.n_effective) as n_effective,
        case
            when metrics.feed = 'survey_responses' and raw.instrument_id <> 'reported'
                then coalesce(weighted.design_effect, raw.design_effect)
        end as design_effect,
        coalesce(weighted.degrees_of_freedom, raw.degrees_of_freedom) as degrees_of_freedom,
        raw.branches_drawn,
        rates.response_rate,
        case when raw.unit_type = 'agency' and raw.instrument_id <> 'reported' then frames.covered_share end
            as covered_share,
        case
            when metrics.feed <> 'survey_responses' then 'not_needed'
            when raw.instrument_id = 'reported' then 'not_known'
            when weighted.score is not null then 'framed'
            when raw.unit_type in ({{ unit_type_list('frame', 'unknown') }}) then 'not_framed'
            when raw.unit_type in ({{ unit_type_list('frame', 'partly') }}) then 'partly_framed'
            else coalesce(nullif(frames.frame_status, 'framed'), 'not_framed')
        end as frame_status,
        case
            when metrics.feed <> 'survey_responses' then 'not_applicable'
            when weighted.score is not null then 'weighted'
            else 'unweighted'
        end as weighting,
        case
            when metrics.feed <> 'survey_responses' or raw.instrument_id = 'reported' then ''
            when adjusted.adjustments like '%mode' then 'adjusted'
            else coalesce(series.mode_set, 'unknown')
        end as mode_set,
        -- Where a study adjusted for the modes, their shares may move without a break.
        coalesce(
            case when adjusted.adjustments like '%mode' then null else series.series_id end,
            starts.series_id
        ) as series_id
    from {{ ref('int_scores__estimated') }} as raw
    inner join metrics
        on raw.metric_id = metrics.metric_id
    left join {{ ref('int_scores__weighted') }} as weighted
        on raw.unit_type = weighted.unit_type
        and raw.unit_id = weighted.unit_id
        and raw.metric_id = weighted.metric_id
        and raw.period_id = weighted.period_id
        and raw.instrument_id = weighted.instrument_id
    left join {{ ref('int_scores__adjusted') }} as adjusted
        -- A condition on one side only would compare every row with every row.
        on case when raw.unit_type = 'agency' then raw.unit_id end = adjusted.agency_id
        and raw.metric_id = adjusted.metric_id
        and raw.period_id = adjusted.period_id
        and raw.instrument_id = adjusted.instrument_id
    left join frames
        on raw.agency_id = frames.agency_id
        and raw.metric_id = frames.metric_id
        and raw.period_id = frames.period_id
    left join rates
        on raw.unit_type = rates.unit_type
        and raw.unit_id = rates.unit_id
        and raw.metric_id = rates.metric_id
        and raw.period_id = rates.period_id
        and raw.instrument_id = rates.instrument_id
    left join {{ ref('int_series__estimated') }} as series
        on case
            when metrics.feed = 'survey_responses' and raw.instrument_id <> 'reported' then raw.agency_id
        end = series.agency_id
        and raw.period_id = series.period_id
    left join starts
        on raw.unit_type = starts.unit_type
        and raw.unit_id = starts.unit_id
        and raw.metric_id = starts.metric_id
        and raw.instrument_id = starts.instrument_id
    where {{ period_is_pending('raw.period_id') }}

)

select * from final
