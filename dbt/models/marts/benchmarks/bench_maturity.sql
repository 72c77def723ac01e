with

assessed as (

    select *
    from {{ ref('int_maturity__assessed') }}
    where part = 'whole'

),

announcements as (

    select *
    from {{ ref('int_maturity__announced') }}

),

positions as (

    select
        positions.agency_id,
        positions.period_id,
        bool_or(positions.special_cause = 'action_worse') as is_much_worse
    from {{ ref('int_positions__estimated') }} as positions
    inner join {{ ref('stg_methodology__roles') }} as roles
        on positions.metric_id = roles.metric_id
        and roles.role = 'satisfaction'
    where positions.special_cause is not null
    group by all

),

levels as (

    select
        *,
        max(level) over (partition by model_id) as top_level
    from {{ ref('stg_methodology__maturity_levels') }}

),

scores as (

    select
        scores.*,
        metrics.measure_id[length('maturity.') + 1:] as model_id
    from {{ ref('bench_scores') }} as scores
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on scores.metric_id = metrics.metric_id
    where metrics.estimator = 'practice_mean'
        and scores.status = 'reported'

),

final as (

    select
        scores.score_id,
        scores.unit_type,
        scores.unit_id,
        scores.agency_id,
        scores.model_id,
        scores.metric_id,
        scores.period_id,
        scores.methodology_version,
        scores.status,
        scores.status_reason,
        scores.score,
        {{ published('assessed.score', 'counted_score') }},
        cast(assessed.level as integer) as level,
        levels.name_ar as level_ar,
        levels.name_en as level_en,
        {{ published('assessed.level_probability', 'level_probability') }},
        {{ published('assessed.level_probability_low', 'level_probability_low') }},
        {{ published('assessed.level_probability_high', 'level_probability_high') }},
        cast(announcements.announced_level as integer) as announced_level,
        announced.name_ar as announced_level_ar,
        announced.name_en as announced_level_en,
        {{ published('announcements.announced_probability', 'announced_level_probability') }},
        cast(assessed.gates_passed as integer) as gates_passed,
        cast(assessed.gates_failed as integer) as gates_failed,
        {{ published('assessed.points_missing', 'points_to_next_level') }},
        cast(assessed.practices_missing as integer) as practices_to_next_level,
        cast(assessed.mandatory_missing as integer) as mandatory_to_next_level,
        scores.n as practices_count,
        cast(assessed.contradicted_count as integer) as contradicted_practices_count,
        cast(assessed.unknown_count as integer) as unknown_practices_count,
        case
            when assessed.level = levels.top_level then positions.is_much_worse
            when assessed.level is not null then false
        end as contradicts_satisfaction,
        scores.slice_ids
    from scores
    left join assessed
        on scores.unit_type = assessed.unit_type
        and scores.unit_id = assessed.unit_id
        and scores.model_id = assessed.model_id
        and scores.period_id = assessed.period_id
    left join announcements
        on scores.unit_type = announcements.unit_type
        and scores.unit_id = announcements.unit_id
        and scores.model_id = announcements.model_id
        and scores.period_id = announcements.period_id
    left join levels
        on scores.model_id = levels.model_id
        and assessed.level = levels.level
    left join levels as announced
        on scores.model_id = announced.model_id
        and announcements.announced_level = announced.level
    left join positions
        on scores.unit_type = 'agency'
        and scores.agency_id = positions.agency_id
        and scores.period_id = positions.period_id

)

select * from final
