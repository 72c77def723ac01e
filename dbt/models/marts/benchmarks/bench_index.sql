with

final as (

    select
        md5(concat_ws('|', '{{ var("methodology_version") }}', 'index', index.agency_id, index.period_id)) as index_id,
        'agency' as unit_type,
        index.agency_id as unit_id,
        index.agency_id,
        index.period_id,
        '{{ var("methodology_version") }}' as methodology_version,
        index.peer_group,
        case when index.reason is null then 'reported' else 'not_applicable' end as status,
        index.reason as status_reason,
        {{ published('index.score', 'score') }},
        {{ published('index.standard_error', 'standard_error') }},
        {{ published('index.ci_low', 'ci_low') }},
        {{ published('index.ci_high', 'ci_high') }},
        {{ published('index.rank_mean', 'expected_rank') }},
        {{ published('index.rank_low', 'rank_low') }},
        {{ published('index.rank_high', 'rank_high') }},
        case when index.reason is null then index.units_count end as ranked_count,
        index.indicators_count,
        case when index.reason is null then index.missing_count end as missing_count,
        {{ published('index.score_at_best', 'score_at_best') }},
        index.slice_ids
    from {{ ref('int_index__estimated') }} as index
    where index.part = 'index'

)

select * from final
