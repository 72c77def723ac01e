with

final as (

    select
        index.index_id,
        index.unit_type,
        index.unit_id,
        index.agency_id,
        index.period_id,
        index.methodology_version,
        index.status,
        sources.part_id as source,
        {{ published('sources.first_order', 'first_order') }},
        {{ published('sources.first_order_error', 'first_order_error') }},
        {{ published('sources.total_order', 'total_order') }},
        {{ published('sources.total_order_error', 'total_order_error') }},
        index.slice_ids
    from {{ ref('int_index__estimated') }} as sources
    inner join {{ ref('bench_index') }} as index
        on sources.agency_id = index.agency_id
        and sources.period_id = index.period_id
    where sources.part = 'source'

)

select * from final
