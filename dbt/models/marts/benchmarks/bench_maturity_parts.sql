with

parts as (

    select *
    from {{ ref('int_maturity__assessed') }}
    where part <> 'whole'

),

wholes as (

    select *
    from {{ ref('bench_maturity') }}

),

final as (

    select
        wholes.score_id,
        wholes.unit_type,
        wholes.unit_id,
        wholes.agency_id,
        wholes.model_id,
        wholes.period_id,
        wholes.methodology_version,
        wholes.status,
        parts.part,
        parts.part_id,
        {{ published('parts.score', 'score') }},
        cast(parts.level as integer) as level,
        parts.is_passed,
        {{ published('parts.points_missing', 'points_missing') }},
        cast(parts.practices_missing as integer) as practices_missing,
        cast(parts.mandatory_missing as integer) as mandatory_missing,
        cast(parts.practices_count as bigint) as practices_count,
        parts.slice_ids
    from parts
    inner join wholes
        on parts.unit_type = wholes.unit_type
        and parts.unit_id = wholes.unit_id
        and parts.model_id = wholes.model_id
        and parts.period_id = wholes.period_id

)

select * from final
