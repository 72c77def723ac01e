with

thresholds as (

    {{ threshold_values('minimum_n', 'contradiction_z') }}

),

roles as (

    select
        max(metric_id) filter (where role = 'observation') as observation,
        max(metric_id) filter (where role = 'satisfaction') as satisfaction
    from {{ ref('stg_methodology__roles') }}

),

-- A survey on several instruments has several positions among peers; the least contradicting one is used.
satisfaction as (

    select
        positions.agency_id,
        positions.period_id,
        positions.score_id,
        positions.score,
        positions.z
    from {{ ref('bench_peer_positions') }} as positions
    inner join roles
        on positions.metric_id = roles.satisfaction
    where positions.score is not null

),

wholes as (

    select
        scores.score_id,
        scores.agency_id,
        scores.period_id,
        scores.methodology_version,
        scores.status,
        scores.status_reason,
        scores.n,
        scores.score,
        scores.standard_error,
        scores.ci_low,
        scores.ci_high,
        scores.slice_ids,
        positions.z
    from {{ ref('bench_scores') }} as scores
    inner join roles
        on scores.metric_id = roles.observation
    left join {{ ref('bench_peer_positions') }} as positions
        on scores.score_id = positions.score_id
    where scores.unit_type = 'agency'

),

beside as (

    select
        wholes.*,
        satisfaction.score_id as satisfaction_score_id,
        satisfaction.score as satisfaction_score,
        wholes.z - satisfaction.z as z_difference,
        row_number() over (
            partition by wholes.score_id
            order by abs(wholes.z - satisfaction.z) nulls last, satisfaction.score_id
        ) as closeness
    from wholes
    left join satisfaction
        on wholes.agency_id = satisfaction.agency_id
        and wholes.period_id = satisfaction.period_id

),

parts as (

    select
        wholes.score_id,
        parts.agency_id,
        parts.period_id,
        wholes.methodology_version,
        parts.part,
        parts.part_id,
        case
            when wholes.status <> 'reported' then wholes.status
            when parts.n < thresholds.minimum_n then 'suppressed'
            else 'reported'
        end as status,
        case
            when wholes.status <> 'reported' then wholes.status_reason
            when parts.n < thresholds.minimum_n then 'confidential'
        end as status_reason,
        parts.n,
        parts.score,
        parts.standard_error,
        parts.ci_low,
        parts.ci_high,
        parts.slice_ids
    from {{ ref('int_visits__estimated') }} as parts
    inner join wholes
        on parts.agency_id = wholes.agency_id
        and parts.period_id = wholes.period_id
    cross join thresholds

),

together as (

    select
        beside.*,
        'whole' as part,
        '' as part_id,
        abs(beside.z_difference) > thresholds.contradiction_z as is_contradiction
    from beside
    cross join thresholds
    where beside.closeness = 1
    union all by name
    select * from parts

),

final as (

    select
        score_id,
        'agency' as unit_type,
        agency_id as unit_id,
        agency_id,
        period_id,
        methodology_version,
        part,
        part_id,
        status,
        status_reason,
        case when status = 'reported' then n end as n,
        case when status = 'reported' then n end as n_effective,
        {{ published('score') }},
        {{ published('standard_error') }},
        {{ published('ci_low') }},
        {{ published('ci_high') }},
        satisfaction_score_id,
        satisfaction_score,
        {{ published('z_difference') }},
        is_contradiction,
        slice_ids
    from together

)

select * from final
