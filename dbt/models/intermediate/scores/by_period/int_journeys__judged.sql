{# What may be shown of a journey and its parts. A partial score is shown only where all partial scores of the journey
may be: a hidden one could otherwise be worked out from the whole. #}
with

thresholds as (

    {{ threshold_values('minimum_n') }}

),

wholes as (

    select
        journey_id,
        period_id,
        instrument_id,
        max(coalesce(respondents, n)) filter (where part = 'journey') as whole_n,
        min(coalesce(respondents, n)) filter (where part = 'agency' and n > 0) as smallest_agency_n
    from {{ ref('int_journeys__estimated') }}
    where {{ period_is_pending() }}
    group by all

),

judged as (

    select
        parts.*,
        case
            when wholes.whole_n < thresholds.minimum_n then 'confidential'
            when parts.n = 0 then 'not_asked'
            when coalesce(parts.respondents, parts.n) < thresholds.minimum_n then 'confidential'
            when parts.part = 'agency' and wholes.smallest_agency_n < thresholds.minimum_n then 'confidential'
        end as status_reason
    from {{ ref('int_journeys__estimated') }} as parts
    inner join wholes
        on parts.journey_id = wholes.journey_id
        and parts.period_id = wholes.period_id
        and parts.instrument_id = wholes.instrument_id
    cross join thresholds
    where {{ period_is_pending('parts.period_id') }}

),

final as (

    select
        journey_id,
        period_id,
        instrument_id,
        part,
        part_id,
        n,
        respondents,
        n_effective,
        score,
        standard_error,
        ci_low,
        ci_high,
        n_complete,
        r_squared,
        contribution,
        weight,
        gap,
        gap_low,
        gap_high,
        shortfall,
        shortfall_share,
        weakest_stage,
        weights_reason,
        owners_count,
        agencies_count,
        steps_count,
        coalesce(is_shared, false) as is_shared,
        slice_ids,
        status_reason,
        case
            when status_reason is null then 'reported'
            when status_reason = 'not_asked' then 'not_applicable'
            else 'suppressed'
        end as status
    from judged

)

select * from final
