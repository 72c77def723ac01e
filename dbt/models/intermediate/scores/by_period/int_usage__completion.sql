{# Telemetry: how many started transactions reached a valid end, per agency and period. #}
with

final as (

    select
        agency_id,
        period_id,
        100 * cast(sum(rated_ended_count) as double) / nullif(sum(rated_started_count), 0) as completion,
        string_agg(distinct slice_id, ';' order by slice_id) as slice_ids
    from {{ ref('int_usage__cells') }}
    where {{ period_is_pending() }}
    group by
        agency_id,
        period_id

)

select * from final
