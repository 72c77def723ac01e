with

judged as (

    select *
    from {{ ref('int_scores__judged') }}
    where {{ period_is_pending() }}

),

grid as (

    select *
    from {{ ref('int_grid__expected') }}
    where {{ period_is_pending() }}

),

-- What was counted and yet has no estimate made its method fail (the log of the run names it).
counted as (

    select distinct
        unit_id,
        metric_id,
        period_id
    from {{ ref('int_statistics__by_unit') }}
    where unit_type = 'agency'
        and (n > 0 or n is null)
        and {{ period_is_pending() }}

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
        cast(null as bigint) as respondents,
        cast(null as double) as score,
        cast(null as double) as score_raw,
        cast(null as double) as score_weighted,
        cast(null as double) as score_adjusted,
        'none' as score_basis,
        '' as adjustments,
        '' as shared_errors,
        cast(null as double) as standard_error,
        cast(null as double) as ci_low,
        cast(null as double) as ci_high,
        'none' as interval_method,
        'none' as interval_claim,
        cast(null as double) as n_effective,
        cast(null as double) as design_effect,
        cast(null as double) as degrees_of_freedom,
        cast(null as double) as response_rate,
        cast(null as double) as covered_share,
        cast(null as double) as reliability,
        'none' as frame_status,
        'none' as weighting,
        '' as mode_set,
        cast(null as varchar) as series_id,
        '' as slice_ids,
        case
            when grid.slice_status = 'live' then 'not_applicable'
            when grid.slice_status in ('refused', 'contested') then 'refused'
            else 'missing'
        end as status,
        case
            when grid.slice_status = 'live' and counted.unit_id is not null then 'not_computed'
            when grid.slice_status = 'live' then 'not_measured'
            when grid.slice_status = 'refused' then 'submission_refused'
            when grid.slice_status = 'contested' then 'slice_contested'
            else 'no_submission'
        end as status_reason
    from grid
    left join counted
        on grid.agency_id = counted.unit_id
        and grid.metric_id = counted.metric_id
        and grid.period_id = counted.period_id
    anti join judged
        on grid.agency_id = judged.unit_id
        and judged.unit_type = 'agency'
        and grid.metric_id = judged.metric_id
        and grid.period_id = judged.period_id

),

scores as (

    select
        judged.*,
        claims.interval_claim,
        reliability.reliability,
        judged.agency_id is null and coalesce(sharing.is_shared, false) as is_shared
    from judged
    left join {{ ref('int_intervals__claimed') }} as claims
        on judged.unit_type = claims.unit_type
        and judged.unit_id = claims.unit_id
        and judged.metric_id = claims.metric_id
        and judged.period_id = claims.period_id
        and judged.instrument_id = claims.instrument_id
    left join {{ ref('int_reliability__estimated') }} as reliability
        on judged.unit_type = reliability.unit_type
        and judged.unit_id = reliability.unit_id
        and judged.metric_id = reliability.metric_id
        and judged.period_id = reliability.period_id
        and judged.instrument_id = reliability.instrument_id
    left join {{ ref('int_sharing__decided') }} as sharing
        on judged.unit_type = sharing.unit_type
        and judged.unit_id = sharing.unit_id
        and judged.metric_id = sharing.metric_id
        and judged.period_id = sharing.period_id
        and judged.instrument_id = sharing.instrument_id
    union all by name
    select
        *,
        false as is_shared
    from absent

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
        {{ published('score') }},
        {{ published('score_raw') }},
        {{ published('score_weighted') }},
        {{ published('score_adjusted') }},
        score_basis,
        adjustments,
        case when status = 'reported' then shared_errors else '' end as shared_errors,
        {{ published('standard_error') }},
        {{ published('ci_low') }},
        {{ published('ci_high') }},
        interval_method,
        -- Why an interval is doubtful would tell of a withheld count.
        case when status = 'reported' then coalesce(interval_claim, 'none') else 'none' end as interval_claim,
        case when status = 'reported' then n end as n,
        case when status = 'reported' then respondents end as respondents,
        case when status = 'reported' and isfinite(n_effective) then cast(round(n_effective, 4) as decimal(18, 4)) end
            as n_effective,
        case
            when status = 'reported' and isfinite(design_effect) then cast(round(design_effect, 4) as decimal(12, 4))
        end as design_effect,
        case
            when status = 'reported' and isfinite(degrees_of_freedom)
                then cast(round(degrees_of_freedom, 4) as decimal(18, 4))
        end as degrees_of_freedom,
        {{ published('response_rate') }},
        {{ published('covered_share') }},
        {{ published('reliability') }},
        frame_status,
        weighting,
        mode_set,
        series_id,
        is_shared,
        slice_ids
    from scores

)

select * from final
where {{ period_is_pending() }}
