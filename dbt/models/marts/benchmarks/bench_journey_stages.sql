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

-- From the gap of a shown stage the score of the one that is withheld could be worked out.
stages as (

    select
        *,
        bool_and(status = 'reported') over (partition by journey_id, period_id, instrument_id) as is_whole
    from {{ ref('int_journeys__judged') }}
    where part = 'stage'

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
        {%- for published_as, column in {'gap': 'gap', 'gap_ci_low': 'gap_low', 'gap_ci_high': 'gap_high'}.items() %}
        case
            when stages.is_whole and isfinite(stages.{{ column }})
                then cast(round(stages.{{ column }}, 4) as decimal(12, 4))
        end as {{ published_as }},
        {%- endfor %}
        {{ published('stages.contribution', 'contribution') }},
        {{ published('stages.weight', 'weight') }},
        {{ published('stages.shortfall', 'weighted_shortfall') }},
        case
            when stages.status = 'reported' and journeys.is_weighed
                then coalesce(journeys.weakest_stage = stages.part_id, false)
        end as is_weakest,
        stages.is_shared,
        journeys.journey_slice_ids as slice_ids
    from stages
    inner join journeys
        on stages.journey_id = journeys.unit_id
        and stages.period_id = journeys.period_id
        and stages.instrument_id = journeys.instrument_id

)

select * from final
