with

final as (

    select
        wholes.score_id,
        practices.unit_type,
        practices.unit_id,
        practices.agency_id,
        practices.model_id,
        practices.period_id,
        wholes.methodology_version,
        wholes.status,
        practices.practice_id,
        practices.dimension,
        cast(practices.practice_level as integer) as practice_level,
        practices.is_mandatory,
        {{ published('practices.assessed', 'assessed_adoption') }},
        practices.has_evidence,
        practices.is_expired,
        {{ published('practices.observed', 'observed_adoption') }},
        {{ published('practices.counted', 'counted_adoption') }},
        case
            when not practices.is_known then 'unknown_practice'
            when practices.observed is not null then 'observed'
            when listed.measure <> '' then 'not_observed'
            when practices.assessed is null then 'not_assessed'
            else 'assessed'
        end as answered_by,
        practices.is_contradicted,
        practices.slice_ids
    from {{ ref('int_maturity__practices') }} as practices
    inner join {{ ref('bench_maturity') }} as wholes
        on practices.unit_type = wholes.unit_type
        and practices.unit_id = wholes.unit_id
        and practices.model_id = wholes.model_id
        and practices.period_id = wholes.period_id
    left join {{ ref('stg_methodology__maturity_practices') }} as listed
        on practices.model_id = listed.model_id
        and practices.practice_id = listed.practice_id
    where {{ period_is_pending('practices.period_id') }}

)

select * from final
