with

journeys as (

    select
        score_id,
        unit_type,
        unit_id,
        metric_id,
        period_id,
        instrument_id,
        methodology_version,
        status = 'reported' and weights_reason is null as is_weighed,
        owners_count,
        is_shared
    from {{ ref('bench_journeys') }}

),

final as (

    select
        journeys.score_id,
        journeys.unit_type,
        journeys.unit_id,
        agencies.part_id as agency_id,
        journeys.metric_id,
        journeys.period_id,
        journeys.instrument_id,
        journeys.methodology_version,
        agencies.status,
        agencies.status_reason,
        agencies.steps_count,
        case when agencies.status = 'reported' then agencies.n end as n,
        case when agencies.status = 'reported' then agencies.respondents end as respondents,
        case
            when agencies.status = 'reported' and isfinite(agencies.n_effective)
                then cast(round(agencies.n_effective) as bigint)
        end as n_effective,
        {{ published('agencies.score', 'score') }},
        {{ published('agencies.standard_error', 'standard_error') }},
        {{ published('agencies.ci_low', 'ci_low') }},
        {{ published('agencies.ci_high', 'ci_high') }},
        agencies.status = 'reported' and journeys.owners_count > 1 as is_partial,
        -- A share of a whole that is not shared would tell the whole.
        case
            when journeys.is_weighed and journeys.is_shared and isfinite(agencies.shortfall)
                then cast(round(agencies.shortfall, 4) as decimal(12, 4))
        end as shortfall,
        case
            when journeys.is_weighed and journeys.is_shared and isfinite(agencies.shortfall_share)
                then cast(round(agencies.shortfall_share, 4) as decimal(12, 4))
        end as shortfall_share,
        agencies.slice_ids
    from {{ ref('int_journeys__judged') }} as agencies
    inner join journeys
        on agencies.journey_id = journeys.unit_id
        and agencies.period_id = journeys.period_id
        and agencies.instrument_id = journeys.instrument_id
    where agencies.part = 'agency'

)

select * from final
