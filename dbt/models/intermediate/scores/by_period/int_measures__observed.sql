{# One shape for the cells of every feed except answers, which are many and join their metrics by unit
(`int_answers__by_unit`). Scores need a single path, and a metric is a row of the registry, never a model. #}

with

metrics as (

    select
        metric_id,
        measure_id,
        estimator,
        nullif(stage, '') as stage,
        coalesce(repeats, 'conflict') as repeats
    from {{ ref('stg_methodology__metrics') }}

),

digital_channels as (

    select channel
    from {{ ref('stg_methodology__channels') }}
    where is_digital

),

-- A rate needs both of its feeds: exposure counts only where the complaints of the same slice are known.
complaint_slices as (

    select distinct
        agency_id,
        period_id
    from {{ ref('int_complaints__cells') }}

),

of_metrics as (

    select
        cells.*,
        metrics.measure_id,
        metrics.estimator,
        metrics.repeats,
        case
            when metrics.estimator in ('mean', 'median') then cells.n_with_mean
            else cells.n_with_numerator
        end as base_n
    from {{ ref('int_reported__cells') }} as cells
    inner join metrics
        on cells.measure = metrics.metric_id
    where {{ period_is_pending('cells.period_id') }}

),

-- A slice is of one agency and period.
reports as (

    select
        *,
        rank() over (
            partition by slice_id, service_id, branch_id, region_id, journey_id, channel, stage, segment, measure_id
            order by reported_on desc nulls last
        ) as age,
        count(distinct concat(n, '|', n_at_least, '|', sum_numerator, '|', reported_mean)) over (
            partition by slice_id, service_id, branch_id, region_id, journey_id, channel, stage, segment, measure_id
        ) as values_count
    from of_metrics

),

-- Reports of one key: added up where they are parts of the period, else the last; a conflict if others differ.
reported as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        stage,
        measure_id,
        case when sum(without_n_count) = 0 then sum(base_n) end as n,
        sum(n_at_least) as n_at_least,
        sum(sum_numerator) as sum_numerator,
        sum(sum_x) as sum_x,
        sum(sum_x2) as sum_x2,
        case
            -- Medians of parts make no median of the whole, whatever their bases are.
            when estimator = 'median' then case when count(*) = 1 and max(reports_count) = 1 then max(reported_mean) end
            when max(without_n_count) > 1 or max(reports_count) > 1 or sum(without_n_count) < count(*) then null
            when repeats = 'sum' then sum(reported_mean)
            else avg(reported_mean)
        end as reported_mean,
        max(case when repeats = 'conflict' and values_count > 1 then 1 else 0 end) as conflicts_count
    from reports
    where repeats in ('sum', 'mean') or age = 1
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        channel,
        stage,
        segment,
        measure_id,
        estimator,
        repeats

),

models as (

    select distinct
        measure_id,
        repeats
    from metrics

),

practices as (

    select
        cells.*,
        models.measure_id,
        case when models.repeats = 'mean' then cells.mean_share else cells.sum_share end as adoption_share,
        case models.repeats
            when 'mean' then 0
            when 'latest' then cast(cells.last_values_count > 1 as integer)
            else cast(cells.values_count > 1 as integer)
        end as conflicts_count
    from {{ ref('int_maturity__cells') }} as cells
    inner join models
        on 'maturity.' || cells.model_id = models.measure_id

),

measures as (

    {{ shares_observed() }}
    union all by name
    select
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id,
        'complaints.per_1000' as measure_id, 0 as n, opened_count as numerator
    from {{ ref('int_complaints__cells') }}
    union all by name
    select
        usage.slice_id, usage.agency_id, usage.period_id, usage.service_id, usage.branch_id, usage.region_id,
        usage.journey_id, 'complaints.per_1000' as measure_id, usage.completed_count as n, 0 as numerator
    from {{ ref('int_usage__cells') }} as usage
    inner join complaint_slices
        on usage.agency_id = complaint_slices.agency_id
        and usage.period_id = complaint_slices.period_id
    union all by name
    select
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id, stage,
        'mystery.' || grain as measure_id, 100 as scale_range,
        observed_count as n, sum_score as sum_x, sum_score2 as sum_x2
    from {{ ref('int_visits__cells') }}
    union all by name
    select
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id,
        'mystery.item.' || rubric_item as measure_id, 100 as scale_range,
        observed_count as n, sum_score as sum_x, sum_score2 as sum_x2
    from {{ ref('int_visits__cells') }}
    where grain = 'item'
    union all by name
    select
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id,
        measure_id, coalesce(dimension, '') as part, 100 as scale_range,
        practices_count as n, adoption_share as sum_x, conflicts_count
    from practices
    union all by name
    select
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id, stage,
        measure_id, 'reported' as instrument_id, 100 as scale_range, n, n_at_least,
        sum_numerator as numerator, sum_x, sum_x2, reported_mean, conflicts_count
    from reported

),

final as (

    select
        metrics.metric_id,
        metrics.estimator,
        coalesce(measures.instrument_id, 'administrative') as instrument_id,
        measures.slice_id,
        measures.agency_id,
        measures.period_id,
        measures.service_id,
        measures.branch_id,
        measures.region_id,
        measures.journey_id,
        coalesce(measures.part, '') as part,
        coalesce(measures.scale_range, 100) as scale_range,
        cast(sum(measures.n) as bigint) as n,
        cast(sum(coalesce(measures.n_at_least, measures.n)) as bigint) as n_at_least,
        sum(measures.numerator) as numerator,
        sum(measures.sum_x) as sum_x,
        sum(measures.sum_x2) as sum_x2,
        max(measures.reported_mean) as reported_mean,
        count(measures.reported_mean) as means_count,
        cast(coalesce(sum(measures.conflicts_count), 0) as bigint) as conflicts_count,
        cast(sum(measures.unknown_count) as bigint) as unknown_count
    from measures
    inner join metrics
        on measures.measure_id = metrics.measure_id
        and (metrics.stage is null or measures.stage = metrics.stage)
    -- What a provider never measured has no row, not even one with an unknown base.
    where measures.n is not null or measures.n_at_least is not null or measures.reported_mean is not null
    group by all

)

select * from final
where {{ period_is_pending() }}
