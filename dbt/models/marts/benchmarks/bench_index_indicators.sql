with

final as (

    select
        index.index_id,
        indicators.indicator_score_id as score_id,
        index.unit_type,
        index.unit_id,
        index.agency_id,
        nodes.metric_id,
        index.period_id,
        index.methodology_version,
        index.status,
        nodes.node_id as indicator_id,
        nodes.parent_id as pillar_id,
        nodes.name_ar as indicator_ar,
        nodes.name_en as indicator_en,
        nodes.direction,
        {{ published('indicators.weight', 'weight') }},
        {{ published('indicators.score', 'score') }},
        {{ published('indicators.standard_error', 'standard_error') }},
        {{ published('indicators.normalised', 'normalised') }},
        {{ published('indicators.score_shift', 'score_shift') }},
        {{ published('indicators.rank_shift', 'rank_shift') }},
        indicators.slice_ids
    from {{ ref('int_index__estimated') }} as indicators
    inner join {{ ref('bench_index') }} as index
        on indicators.agency_id = index.agency_id
        and indicators.period_id = index.period_id
    inner join {{ ref('stg_methodology__index') }} as nodes
        on indicators.part_id = nodes.node_id
    where indicators.part = 'indicator'

)

select * from final
