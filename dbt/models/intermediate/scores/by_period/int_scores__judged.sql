{# Status and reason of each score, before any value is withheld. Readers get one reason for every figure withheld for
its size: whether it is below a threshold or protects another would narrow its possible values. The owner holds the data
and gets the exact reason (`owner_reason`). #}

with

thresholds as (

    {{ threshold_values('minimum_n', 'owner_n') }}

),

metrics as (

    select
        metric_id,
        estimator
    from {{ ref('stg_methodology__metrics') }}

),

sized as (

    select
        scores.*,
        -- Persons are protected, and several answers of one are no more persons.
        least(scores.n_at_least, coalesce(scores.respondents, scores.n_at_least)) as persons,
        case
            -- Practices are assessed in full: their number is not a sample size.
            when metrics.estimator = 'practice_mean' then 'reported'
            when scores.n is null and scores.n_at_least is null then 'suppressed'
            when persons < thresholds.minimum_n then 'suppressed'
            when scores.score is null or isnan(scores.score) then 'not_applicable'
            when metrics.estimator = 'proportion' and scores.score_raw > 100 then 'refused'
            else 'reported'
        end as own_status,
        case
            when metrics.estimator = 'practice_mean' then null
            when scores.n is null and scores.n_at_least is null then 'base_unknown'
            when persons < thresholds.owner_n then 'n_below_owner_minimum'
            when persons < thresholds.minimum_n then 'n_below_minimum'
            when scores.score is null or isnan(scores.score) then 'not_measured'
            when metrics.estimator = 'proportion' and scores.score_raw > 100 then 'numerator_above_base'
        end as own_reason
    from {{ ref('int_scores__chosen') }} as scores
    inner join metrics
        on scores.metric_id = metrics.metric_id
    cross join thresholds
    where (scores.n > 0 or scores.n is null)
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
