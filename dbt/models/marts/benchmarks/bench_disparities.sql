with

thresholds as (

    select
        max(value) filter (where name = 'minimum_n') as minimum_n,
        max(value) filter (where name = 'owner_n') as owner_n
    from {{ ref('stg_methodology__thresholds') }}

),

judged as (

    select
        disparities.*,
        case
            when disparities.row_type = 'group' and disparities.own_status = 'reported'
                and disparities.n < thresholds.minimum_n then 'suppressed'
            else disparities.own_status
        end as status,
        case
            when disparities.row_type = 'group' and disparities.own_status = 'reported'
                and disparities.n < thresholds.owner_n then 'n_below_owner_minimum'
            when disparities.row_type = 'group' and disparities.own_status = 'reported'
                and disparities.n < thresholds.minimum_n then 'n_below_minimum'
            else disparities.own_reason
        end as status_reason
    from {{ ref('int_disparities__estimated') }} as disparities
    cross join thresholds

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
        case when status = 'reported' then cast(n as bigint) end as n_effective,
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
        slice_ids
    from judged

)

select * from final
