with

estimated as (

    select
        * exclude (own_status, own_reason),
        own_status as status,
        own_reason as status_reason
    from {{ ref('int_disparities__estimated') }}

),

final as (

    select
        md5(
            concat_ws(
                '|', '{{ var("methodology_version") }}', row_type, unit_type, unit_id, metric_id, period_id,
                coalesce(instrument_id, ''), 'disparity'
            )
        ) as disparity_id,
        '{{ var("methodology_version") }}' as methodology_version,
        row_type,
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        status,
        status_reason,
        case when status = 'reported' then cast(units_count as bigint) end as units_count,
        case when status = 'reported' then cast(n as bigint) end as n,
        case
            when status = 'reported' and isfinite(n_effective) then cast(round(n_effective) as bigint)
        end as n_effective,
        {{ published('score') }},
        {{ published('standard_error') }},
        {{ published('shrunken_score') }},
        {{ published('shrunken_standard_error') }},
        {{ published('reliability') }},
        {{ published('tau') }},
        {{ published('tau_low', 'tau_ci_low') }},
        {{ published('tau_high', 'tau_ci_high') }},
        {{ published('noise_share') }},
        {{ published('intraclass_correlation') }},
        {{ published('gini') }},
        {{ published('theil_between') }},
        {{ published('theil_within') }},
        coalesce(is_shared, false) as is_shared,
        slice_ids
    from estimated

)

select * from final
where {{ period_is_pending() }}
