{# What the warehouse observes of an agency's practices, as shares of a base. A measure without a row was not observed:
these tables hold neither due days of submissions, nor common wordings, nor contacts with the dissatisfied. #}
with

roles as (

    select metric_id
    from {{ ref('stg_methodology__roles') }}
    where role = 'satisfaction'

),

satisfaction as (

    select cells.*
    from {{ ref('int_survey__cells') }} as cells
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on cells.item || '.mean' = metrics.measure_id
    inner join roles
        on metrics.metric_id = roles.metric_id
    where cells.answered_count > 0
        and {{ period_is_pending('cells.period_id') }}

),

services as (

    select
        agency_id,
        service_id
    from {{ ref('stg_registry__services') }}

),

-- A service counts as measured if anything about it was delivered; the base is every service the agency has.
measured as (

    select 'share_of_services_measured' as measure, agency_id, period_id, service_id
    from satisfaction
    union
    select 'share_of_services_with_usage' as measure, agency_id, period_id, service_id
    from {{ ref('int_usage__cells') }}
    where {{ period_is_pending() }}
    union
    select 'share_of_services_with_standard' as measure, agency_id, period_id, service_id
    from {{ ref('int_standards__cells') }}
    where total_count > 0
        and {{ period_is_pending() }}

),

delivered as (

    select distinct
        measure,
        agency_id,
        period_id
    from measured

),

by_service as (

    select
        delivered.measure,
        delivered.agency_id,
        delivered.period_id,
        count(measured.service_id) as hits,
        count(*) as base
    from delivered
    inner join services
        on delivered.agency_id = services.agency_id
    left join measured
        on delivered.measure = measured.measure
        and delivered.agency_id = measured.agency_id
        and delivered.period_id = measured.period_id
        and services.service_id = measured.service_id
    group by all

),

agency_journeys as (

    select distinct
        services.agency_id,
        steps.journey_id
    from {{ ref('stg_registry__journey_steps') }} as steps
    inner join services
        on steps.service_id = services.service_id

),

journeys_asked as (

    select distinct
        agency_id,
        period_id,
        journey_id
    from satisfaction
    where stage = 'whole'

),

by_journey as (

    select
        'share_of_journeys_with_overall_item' as measure,
        delivered.agency_id,
        delivered.period_id,
        count(journeys_asked.journey_id) as hits,
        count(*) as base
    from delivered
    inner join agency_journeys
        on delivered.agency_id = agency_journeys.agency_id
    left join journeys_asked
        on delivered.agency_id = journeys_asked.agency_id
        and delivered.period_id = journeys_asked.period_id
        and agency_journeys.journey_id = journeys_asked.journey_id
    where delivered.measure = 'share_of_services_measured'
    group by all

),

complaints as (

    select
        'share_of_complaints_in_time' as measure,
        agency_id,
        period_id,
        sum({{ in_time('in_time') }}) as hits,
        sum({{ in_time('due') }}) as base
    from {{ ref('int_complaints__cells') }}
    where {{ period_is_pending() }}
    group by all

),

final as (

    select measure, agency_id, period_id, cast(hits as bigint) as hits, cast(base as bigint) as base
    from by_service
    union all
    select measure, agency_id, period_id, cast(hits as bigint) as hits, cast(base as bigint) as base
    from by_journey
    union all
    select measure, agency_id, period_id, cast(hits as bigint) as hits, cast(base as bigint) as base
    from complaints
    where base > 0

)

select * from final
