with

final as (

    select
        index.index_id,
        index.unit_type,
        index.unit_id,
        index.agency_id,
        index.period_id,
        index.methodology_version,
        index.peer_group,
        index.status,
        dominance.compared_count,
        {{ published('dominance.share_ahead_mean', 'share_ahead_mean') }},
        {{ published('dominance.share_ahead_least', 'share_ahead_least') }},
        {{ published('dominance.share_ahead_greatest', 'share_ahead_greatest') }},
        dominance.dominates_count,
        dominance.dominated_count,
        index.slice_ids
    from {{ ref('int_index__estimated') }} as dominance
    inner join {{ ref('bench_index') }} as index
        on dominance.agency_id = index.agency_id
        and dominance.period_id = index.period_id
    where dominance.part = 'dominance'

)

select * from final
