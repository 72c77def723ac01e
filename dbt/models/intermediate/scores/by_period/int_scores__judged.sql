{# Status and reason of each score, before any value is withheld. Readers get one reason for every figure withheld for
its size: whether it is below a threshold or protects another would narrow its possible values. The owner holds the data
and gets the exact reason (`owner_reason`). The minimum n protects persons: public counts have none. #}

with

thresholds as (

    {{ threshold_values('minimum_n', 'owner_n') }}

),

metrics as (

    select
        metric_id,
        estimator,
        unit,
        coalesce(disclosure = 'public', false) as is_public
    from {{ ref('stg_methodology__metrics') }}

),

sized as (

    select
        scores.*,
        -- Persons are protected, and several answers of one are no more persons.
        least(scores.n_at_least, coalesce(scores.respondents, scores.n_at_least)) as persons,
        case
            when scores.withheld_reason is not null then scores.withheld_reason
            when not metrics.is_public and scores.n is null and scores.n_at_least is null then 'base_unknown'
            when not metrics.is_public and persons < thresholds.owner_n then 'n_below_owner_minimum'
            when not metrics.is_public and persons < thresholds.minimum_n then 'n_below_minimum'
            when scores.score is null or isnan(scores.score) then 'not_measured'
            when metrics.estimator = 'proportion' and scores.score_raw > 100 then 'numerator_above_base'
            when metrics.unit in ('score_0_100', 'share_pct') and scores.score not between 0 and 100 then 'outside_unit'
            -- What is published has twelve digits, four of them decimals.
            when abs(scores.score) >= 1e8 then 'outside_unit'
        end as own_reason,
        case
            when own_reason is null then 'reported'
            when own_reason in ('base_unknown', 'n_below_owner_minimum', 'n_below_minimum') then 'suppressed'
            when own_reason in ('not_measured', 'no_cases') then 'not_applicable'
            else 'refused'
        end as own_status
    from {{ ref('int_scores__chosen') }} as scores
    inner join metrics
        on scores.metric_id = metrics.metric_id
    cross join thresholds
    -- Of an agency it is said that there was nothing to measure; its parts have no row then.
    where (scores.n > 0 or scores.n is null or scores.unit_type = 'agency' and scores.withheld_reason is not null)
        and {{ period_is_pending('scores.period_id') }}

),

-- Complementary cells: a hidden one could otherwise be worked out from its totals.
decided as (

    select
        sized.*,
        sized.own_status = 'reported' and hidden.unit_id is not null as is_complementary
    from sized
    left join {{ ref('int_suppression__decided') }} as hidden
        on sized.unit_type = hidden.unit_type
        and sized.unit_id = hidden.unit_id
        and sized.metric_id = hidden.metric_id
        and sized.period_id = hidden.period_id
        and sized.instrument_id = hidden.instrument_id

),

final as (

    select
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        n,
        respondents,
        score,
        standard_error,
        ci_low,
        ci_high,
        interval_method,
        score_raw,
        score_weighted,
        score_adjusted,
        score_basis,
        adjustments,
        shared_errors,
        n_effective,
        design_effect,
        degrees_of_freedom,
        response_rate,
        covered_share,
        frame_status,
        weighting,
        mode_set,
        series_id,
        slice_ids,
        case when is_complementary then 'suppressed' else own_status end as status,
        case
            when is_complementary or own_reason in ('n_below_owner_minimum', 'n_below_minimum') then 'confidential'
            else own_reason
        end as status_reason,
        case when is_complementary then 'complementary' else own_reason end as owner_reason
    from decided

)

select * from final
where {{ period_is_pending() }}
