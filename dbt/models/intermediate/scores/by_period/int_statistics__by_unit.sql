{# Each unit's sufficient statistics per metric, period and instrument: sums of
integers and decimals, exact in any order. #}
with

measures as (

    select *
    from {{ ref('int_measures__observed') }}
    where {{ period_is_pending() }}

),

answers as (

    select *
    from {{ ref('int_answers__by_unit') }}
    where n > 0
        and {{ period_is_pending() }}

),

of_metrics as (

    {{ metrics_of_answers(
        'answers', ['unit_type', 'unit_id', 'agency_id', 'period_id', 'slice_id', 'n', 'only_region_id']
    ) }}

),

-- By slice first, so that few slice names remain to be listed.
by_slice as (

    {{ by_unit(
        'measures',
        ['metric_id', 'estimator', 'instrument_id', 'part', 'scale_range', 'slice_id'],
        [
            'sum(n) as n', 'sum(n_at_least) as n_at_least', 'sum(numerator) as numerator', 'sum(sum_x) as sum_x',
            'sum(sum_x2) as sum_x2', 'sum(means_count) as means_count', 'max(reported_mean) as reported_mean',
            'sum(conflicts_count) as conflicts_count', 'sum(unknown_count) as unknown_count',
            only_region(),
        ]
    ) }}
    union all by name
    select
        *,
        n as n_at_least,
        '' as part
    from of_metrics

),

units as (

    select
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        estimator,
        period_id,
        instrument_id,
        part,
        scale_range,
        sum(n) as n,
        sum(n_at_least) as n_at_least,
        sum(numerator) as numerator,
        sum(sum_x) as sum_x,
        sum(sum_x2) as sum_x2,
        case when sum(means_count) = 1 then max(reported_mean) end as reported_mean,
        coalesce(sum(conflicts_count), 0) as conflicts_count,
        sum(unknown_count) as unknown_count,
        {{ only_region('only_region_id') }},
        array_to_string(list_sort(list_distinct(list(slice_id))), ';') as slice_ids
    from by_slice
    group by all

),

final as (

    select
        unit_type,
        unit_id,
        agency_id,
        metric_id,
        estimator,
        period_id,
        instrument_id,
        part,
        scale_range,
        cast(n as bigint) as n,
        cast(n_at_least as bigint) as n_at_least,
        cast(numerator as double) as numerator,
        100 * cast(sum_x as double) / scale_range as sum_x,
        10000 * cast(sum_x2 as double) / (scale_range * scale_range) as sum_x2,
        cast(reported_mean as double) as reported_mean,
        cast(conflicts_count as bigint) as conflicts_count,
        cast(unknown_count as bigint) as unknown_count,
        only_region_id,
        slice_ids
    from units

)

select * from final
where {{ period_is_pending() }}
