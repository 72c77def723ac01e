{# Absence is a row: every metric an agency owes in a period, and the state of the feed behind it. What is measured once
a year is owed once a year: in the quarter its year ends in or, where it has none, in every fourth from the first owed. #}
{{ config(materialized='table') }}

with

slices as (

    select
        agency_id,
        period_id,
        feed,
        -- One live delivery is enough; otherwise the most informative reason.
        case
            when bool_or(status = 'live') then 'live'
            when bool_or(status = 'contested') then 'contested'
            when bool_or(status = 'refused') then 'refused'
            else 'none'
        end as slice_status
    from {{ ref('stg_ledger__slices') }}
    group by all

),

metrics as (

    select
        metric_id,
        feed,
        coalesce(quarters_apart, 1) as quarters_apart,
        year_end
    from {{ ref('stg_methodology__metrics') }}

),

periods as (

    select
        period_id,
        {{ quarter_number('period_id') }} as quarter
    from {{ ref('stg_workspace__periods') }}

),

-- The first quarter each metric is due in: from the first owed on, the first that ends a year (or a half) of its own.
due as (

    select
        owed.agency_id,
        owed.feed,
        owed.from_period,
        owed.to_period,
        metrics.metric_id,
        metrics.quarters_apart,
        {{ quarter_number('owed.from_period') }}
        + coalesce(
            (metrics.year_end + 7 - {{ quarter_number('owed.from_period') }} % 4) % least(metrics.quarters_apart, 4), 0
        ) as first_quarter
    from {{ ref('stg_registry__owed') }} as owed
    inner join metrics
        on owed.feed = metrics.feed

),

last_period as (

    select max(period_id) as period_id
    from {{ ref('stg_ledger__slices') }}
    where status = 'live'

),

final as (

    select distinct
        agencies.agency_id,
        due.metric_id,
        due.feed,
        periods.period_id,
        coalesce(slices.slice_status, 'none') as slice_status
    from {{ ref('stg_registry__agencies') }} as agencies
    inner join due
        on agencies.agency_id = due.agency_id
    inner join periods
        on due.from_period <= periods.period_id
        and (due.to_period = '' or due.to_period >= periods.period_id)
        and due.first_quarter <= periods.quarter
        and (periods.quarter - due.first_quarter) % due.quarters_apart = 0
    inner join last_period
        on periods.period_id <= last_period.period_id
    left join slices
        on agencies.agency_id = slices.agency_id
        and due.feed = slices.feed
        and periods.period_id = slices.period_id
    where (agencies.valid_from = '' or periods.period_id >= agencies.valid_from)
        and (agencies.valid_to = '' or periods.period_id <= agencies.valid_to)

)

select * from final
