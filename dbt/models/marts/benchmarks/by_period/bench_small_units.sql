with

estimated as (

    select
        * exclude (own_status, own_reason),
        own_status as status,
        -- As in every published table: which threshold a figure is below would narrow it.
        case when own_reason like 'n_below_%' then 'confidential' else own_reason end as status_reason
    from {{ ref('int_small_units__estimated') }}
    where {{ period_is_pending() }}

),

final as (

    select
        md5(
            concat_ws(
                '|', '{{ var("methodology_version") }}', unit_type, unit_id, metric_id, period_id,
                coalesce(instrument_id, '')
            )
        ) as score_id,
        '{{ var("methodology_version") }}' as methodology_version,
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        status,
        status_reason,
        case when status = 'reported' then cast(units_count as bigint) end as units_count,
        {{ published('score', 'estimated_score') }},
        {{ published('standard_error') }},
        {{ published('ci_low') }},
        {{ published('ci_high') }},
        {{ published('p_above') }},
        {{ published('reliability') }}
    from estimated

)

select * from final
