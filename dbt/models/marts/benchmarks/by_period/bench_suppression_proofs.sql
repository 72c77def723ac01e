with

final as (

    select
        scores.score_id,
        hidden.unit_type,
        hidden.unit_id,
        hidden.agency_id,
        hidden.metric_id,
        hidden.period_id,
        hidden.instrument_id,
        '{{ var("methodology_version") }}' as methodology_version,
        scores.status,
        scores.status_reason,
        hidden.is_primary,
        hidden.is_public,
        case when isfinite(hidden.width_required) then cast(hidden.width_required as decimal(12, 4)) end
            as width_required,
        hidden.is_proved,
        hidden.slice_ids
    from {{ ref('int_suppression__decided') }} as hidden
    inner join {{ ref('bench_scores') }} as scores
        on hidden.unit_type = scores.unit_type
        and hidden.unit_id = scores.unit_id
        and hidden.metric_id = scores.metric_id
        and hidden.period_id = scores.period_id
        and hidden.instrument_id = scores.instrument_id
    where {{ period_is_pending('hidden.period_id') }}
        and {{ period_is_pending('scores.period_id') }}

)

select * from final
