with

estimated as (

    select
        * exclude (own_status, own_reason),
        own_status as status,
        -- As in every published table: which threshold a figure is below would narrow it.
        case when own_reason like 'n_below_%' then 'confidential' else own_reason end as status_reason
    from {{ ref('int_drivers__estimated') }}
    where {{ period_is_pending() }}

),

final as (

    select
        md5(
            concat_ws(
                '|', '{{ var("methodology_version") }}', agency_id, metric_id, period_id, coalesce(instrument_id, ''),
                coalesce(driver_metric_id, ''), 'driver'
            )
        ) as driver_id,
        '{{ var("methodology_version") }}' as methodology_version,
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        driver_metric_id,
        status,
        status_reason,
        case when status = 'reported' then cast(n as bigint) end as n,
        {{ published('r_squared') }},
        {{ published('importance') }},
        {{ published('importance_low') }},
        {{ published('importance_high') }},
        {{ published('score', 'driver_score') }},
        {{ published('benchmark_distance') }},
        {{ published('benchmark_low') }},
        {{ published('benchmark_high') }}
    from estimated

)

select * from final
