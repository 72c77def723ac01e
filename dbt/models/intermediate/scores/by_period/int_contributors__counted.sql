{# What each agency adds to the counts of units that belong to no single one (regions, journeys): from their totals
agencies could take their own part off. `total` and `squares` add up the answers, each 0 to 1, and
their squares: what a correction moves. #}
with

measures as (

    select
        *,
        agency_id as contributor_id
    from {{ ref('int_measures__observed') }}
    where {{ period_is_pending() }}

),

-- A slice is of one agency: feed|agency|period.
answers as (

    select
        *,
        split_part(slice_id, '|', 2) as contributor_id
    from {{ ref('int_answers__by_unit') }}
    where n > 0
        and agency_id is null
        and {{ period_is_pending() }}

),

of_metrics as (

    {{ metrics_of_answers('answers', ['unit_type', 'unit_id', 'period_id', 'contributor_id', 'n']) }}

),

counted as (

    {{ by_unit(
        'measures',
        ['metric_id', 'instrument_id', 'contributor_id'],
        [
            'sum(coalesce(n, n_at_least)) as n', 'sum(numerator) as numerator', 'sum(sum_x) as sum_x',
            'sum(sum_x2) as sum_x2', 'max(scale_range) as scale_range',
        ],
        unit_types_named_by('agency_id', is_held=false)
    ) }}
    union all by name
    select
        unit_type,
        unit_id,
        period_id,
        metric_id,
        instrument_id,
        contributor_id,
        n,
        numerator,
        sum_x,
        sum_x2,
        scale_range
    from of_metrics

),

final as (

    select
        unit_type,
        unit_id,
        metric_id,
        period_id,
        instrument_id,
        contributor_id,
        cast(sum(n) as bigint) as n,
        -- Sums first: of exact numbers they do not depend on the order.
        coalesce(cast(sum(numerator) as double), cast(sum(sum_x) as double) / max(scale_range)) as total,
        cast(sum(sum_x2) as double) / (max(scale_range) * max(scale_range)) as squares
    from counted
    group by all
    having sum(n) > 0

)

select * from final
where {{ period_is_pending() }}
