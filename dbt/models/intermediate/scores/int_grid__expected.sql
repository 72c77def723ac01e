{# Absence is a row: every agency valid in a period, with every metric and the state of the feed behind it. #}
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

-- A feed that no agency of this centre owes cannot be absent.
metrics as (

    select
        metric_id,
        feed
    from {{ ref('stg_methodology__metrics') }}
    where feed in (select owed.feed from {{ ref('stg_registry__owed') }} as owed)

),

last_period as (

    select max(period_id) as period_id
    from {{ ref('stg_ledger__slices') }}
    where status = 'live'

),

final as (

    select
        agencies.agency_id,
        metrics.metric_id,
        metrics.feed,
        periods.period_id,
        owed.agency_id is not null as is_owed,
        coalesce(slices.slice_status, 'none') as slice_status
    from {{ ref('stg_registry__agencies') }} as agencies
    cross join metrics
    cross join {{ ref('stg_workspace__periods') }} as periods
    inner join last_period
        on periods.period_id <= last_period.period_id
    left join {{ ref('stg_registry__owed') }} as owed
        on agencies.agency_id = owed.agency_id
        and metrics.feed = owed.feed
        and periods.period_id >= owed.from_period
        and (owed.to_period = '' or periods.period_id <= owed.to_period)
    left join slices
        on agencies.agency_id = slices.agency_id
        and metrics.feed = slices.feed
        and periods.period_id = slices.period_id
    where (agencies.valid_from = '' or periods.period_id >= agencies.valid_from)
        and (agencies.valid_to = '' or periods.period_id <= agencies.valid_to)

)

select * from final
