{# What the next level still asks for: its score, and each practice of its gate below the gate's adoption. #}
with

wholes as (

    select *
    from {{ ref('bench_maturity') }}
    where gates_failed > 0

),

missing as (

    select
        practices.*,
        gates.adoption as adoption_needed
    from {{ ref('int_maturity__practices') }} as practices
    inner join {{ ref('stg_methodology__maturity_gates') }} as gates
        on practices.model_id = gates.model_id
        and practices.practice_level = gates.level
    where practices.is_known
        and coalesce(practices.counted, 0) < gates.adoption

),

by_practice as (

    select
        wholes.*,
        case when missing.is_mandatory then 'mandatory_practice' else 'practice' end as gap,
        missing.practice_id,
        missing.dimension,
        missing.assessed,
        missing.observed,
        missing.counted,
        missing.adoption_needed,
        case
            when missing.observed is not null then 'observed_below_the_gate'
            when missing.assessed is null then 'not_assessed'
            when missing.assessed < missing.adoption_needed then 'assessed_below_the_gate'
            when missing.is_expired then 'evidence_expired'
            else 'without_evidence'
        end as gap_reason
    from wholes
    inner join missing
        on wholes.unit_type = missing.unit_type
        and wholes.unit_id = missing.unit_id
        and wholes.model_id = missing.model_id
        and wholes.period_id = missing.period_id
        and missing.practice_level = wholes.level + 1

),

by_score as (

    select
        *,
        'score' as gap,
        'score_below_the_floor' as gap_reason
    from wholes
    where points_to_next_level > 0

),

gaps as (

    select * from by_practice
    union all by name
    select * from by_score

),

final as (

    select
        gaps.score_id,
        gaps.unit_type,
        gaps.unit_id,
        gaps.agency_id,
        gaps.model_id,
        gaps.period_id,
        gaps.methodology_version,
        gaps.status,
        gaps.level + 1 as next_level,
        gaps.gap,
        gaps.gap_reason,
        gaps.practice_id,
        gaps.dimension,
        listed.name_ar as practice_ar,
        listed.name_en as practice_en,
        {{ published('gaps.assessed', 'assessed_adoption') }},
        {{ published('gaps.observed', 'observed_adoption') }},
        {{ published('gaps.counted', 'counted_adoption') }},
        {{ published('gaps.adoption_needed', 'adoption_needed') }},
        case when gaps.gap = 'score' then gaps.points_to_next_level end as points_missing,
        gaps.slice_ids
    from gaps
    left join {{ ref('stg_methodology__maturity_practices') }} as listed
        on gaps.model_id = listed.model_id
        and gaps.practice_id = listed.practice_id

)

select * from final
