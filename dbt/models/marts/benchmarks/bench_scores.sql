with

judged as (

    select *
    from {{ ref('int_scores__judged') }}

),

grid as (

    select *
    from {{ ref('int_grid__expected') }}

),

absent as (

    select
        'agency' as unit_type,
        grid.agency_id as unit_id,
        grid.agency_id,
        grid.metric_id,
        grid.period_id,
        cast(null as varchar) as instrument_id,
        cast(null as bigint) as n,
        cast(null as double) as score,
        cast(null as double) as standard_error,
        cast(null as double) as ci_low,
        cast(null as double) as ci_high,
        'none' as interval_method,
        '' as slice_ids,
        case
            when not grid.is_owed then 'not_applicable'
            when grid.slice_status = 'live' then 'not_applicable'
            when grid.slice_status in ('refused', 'contested') then 'refused'
            else 'missing'
        end as status,
        case
            when not grid.is_owed then 'not_owed'
            when grid.slice_status = 'live' then 'not_measured'
            when grid.slice_status = 'refused' then 'submission_refused'
            when grid.slice_status = 'contested' then 'slice_contested'
            else 'no_submission'
        end as status_reason
    from grid
    anti join judged
        on grid.agency_id = judged.unit_id
        and judged.unit_type = 'agency'
        and grid.metric_id = judged.metric_id
        and grid.period_id = judged.period_id

),

scores as (

    select
        unit_type, unit_id, agency_id, metric_id, period_id, instrument_id, n, score, standard_error, ci_low, ci_high,
        interval_method, slice_ids, status, status_reason
    from judged
    union all by name
    select * from absent

),

final as (

    select
        md5(
            concat_ws(
                '|', '{{ var("methodology_version") }}', unit_type, unit_id, metric_id, period_id,
                coalesce(instrument_id, '')
            )
        ) as score_id,
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        '{{ var("methodology_version") }}' as methodology_version,
        status,
        status_reason,
        case when status = 'reported' then cast(round(score, 4) as decimal(12, 4)) end as score,
        case
            when status = 'reported' and isfinite(standard_error)
                then cast(round(standard_error, 4) as decimal(12, 4))
        end as standard_error,
        case
            when status = 'reported' and isfinite(ci_low)
                then cast(round(ci_low, 4) as decimal(12, 4))
        end as ci_low,
        case
            when status = 'reported' and isfinite(ci_high)
                then cast(round(ci_high, 4) as decimal(12, 4))
        end as ci_high,
        interval_method,
        case when status = 'reported' then n end as n,
        case when status = 'reported' then n end as n_effective,
        'unweighted' as weighting,
        slice_ids
    from scores

)

select * from final
