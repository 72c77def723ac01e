with

levels as (

    select
        model_id,
        level,
        from_score,
        name_ar,
        name_en,
        lead(from_score) over (partition by model_id order by level) as next_from_score
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
        scores.period_id,
        scores.methodology_version,
        scores.score,
        levels.level,
        levels.name_ar as level_ar,
        levels.name_en as level_en,
        cast(levels.next_from_score - scores.score as decimal(12, 4)) as points_to_next_level,
        scores.n as practices_count
    from scores
    left join levels
        on scores.model_id = levels.model_id
        and scores.score >= levels.from_score
        and (scores.score < levels.next_from_score or levels.next_from_score is null)

)

select * from final
