with

final as (

    select
        md5(
            concat_ws(
                '|', '{{ var("methodology_version") }}', 'journey', journeys.journey_id, roles.metric_id,
                journeys.period_id, journeys.instrument_id
            )
        ) as score_id,
        'journey' as unit_type,
        journeys.journey_id as unit_id,
        cast(null as varchar) as agency_id,
        roles.metric_id,
        journeys.period_id,
        journeys.instrument_id,
        '{{ var("methodology_version") }}' as methodology_version,
        journeys.status,
        journeys.status_reason,
        case when journeys.status = 'reported' then journeys.n end as n,
        case when journeys.status = 'reported' then journeys.respondents end as respondents,
        case
            when journeys.status = 'reported' and isfinite(journeys.n_effective)
                then cast(round(journeys.n_effective) as bigint)
        end as n_effective,
        {{ published('journeys.score', 'score') }},
        {{ published('journeys.standard_error', 'standard_error') }},
        {{ published('journeys.ci_low', 'ci_low') }},
        {{ published('journeys.ci_high', 'ci_high') }},
        {{ published('journeys.shortfall', 'shortfall') }},
        case when journeys.status = 'reported' and journeys.weights_reason is null then journeys.weakest_stage end
            as weakest_stage,
        {{ published('journeys.r_squared', 'r_squared') }},
        case when journeys.status = 'reported' then journeys.weights_reason end as weights_reason,
        journeys.owners_count,
        journeys.agencies_count,
        journeys.agencies_count < journeys.owners_count as is_partial,
        journeys.is_shared,
        journeys.slice_ids
    from {{ ref('int_journeys__judged') }} as journeys
    inner join {{ ref('stg_methodology__roles') }} as roles
        on roles.role = 'satisfaction'
    where journeys.part = 'journey'

)

select * from final
