with

journeys as (

    select
        score_id,
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        methodology_version,
        status = 'reported' and weights_reason is null as is_weighed,
        weakest_stage,
        slice_ids as journey_slice_ids
    from {{ ref('bench_journeys') }}

),

final as (

    select
        journeys.score_id,
        journeys.unit_type,
        journeys.unit_id,
        journeys.agency_id,
        journeys.metric_id,
        journeys.period_id,
        journeys.instrument_id,
        journeys.methodology_version,
        stages.part_id as stage,
        stages.status,
        stages.status_reason,
        case when stages.status = 'reported' then stages.n end as n,
        case when stages.status = 'reported' then stages.respondents end as respondents,
        case
            when stages.status = 'reported' and isfinite(stages.n_effective)
                then cast(round(stages.n_effective) as bigint)
        end as n_effective,
        {{ published('stages.score', 'score') }},
        {{ published('stages.standard_error', 'standard_error') }},
        {{ published('stages.ci_low', 'ci_low') }},
        {{ published('stages.ci_high', 'ci_high') }},
        {{ published('stages.gap', 'gap') }},
        {{ published('stages.gap_low', 'gap_ci_low') }},
        {{ published('stages.gap_high', 'gap_ci_high') }},
        {{ published('stages.contribution', 'contribution') }},
        {{ published('stages.weight', 'weight') }},
        {{ published('stages.shortfall', 'weighted_shortfall') }},
        case
            when stages.status = 'reported' and journeys.is_weighed
                then coalesce(journeys.weakest_stage = stages.part_id, false)
        end as is_weakest,
        journeys.journey_slice_ids as slice_ids
    from {{ ref('int_journeys__judged') }} as stages
    inner join journeys
        on stages.journey_id = journeys.unit_id
        and stages.period_id = journeys.period_id
        and stages.instrument_id = journeys.instrument_id
    where stages.part = 'stage'

)

select * from final
