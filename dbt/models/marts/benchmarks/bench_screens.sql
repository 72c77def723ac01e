with

thresholds as (

    {{ threshold_values('minimum_n') }}

),

judged as (

    select
        screens.*,
        case
            when screens.counts_people and screens.n < thresholds.minimum_n then 'suppressed'
            when screens.fault is not null then 'not_applicable'
            else 'reported'
        end as status,
        case
            when screens.counts_people and screens.n < thresholds.minimum_n then 'confidential'
            else screens.fault
        end as status_reason
    from {{ ref('int_screens__estimated') }} as screens
    cross join thresholds

),

final as (

    select
        '{{ var("methodology_version") }}' as methodology_version,
        screen,
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        instrument_id,
        period_id,
        status,
        status_reason,
        case when status = 'reported' then cast(n as bigint) end as n,
        case when status = 'reported' then is_flagged end as is_flagged,
        {{ published('statistic') }},
        {{ published('threshold') }},
        {{ published('p_value') }},
        slice_ids
    from judged

)

select * from final
