{# What each agency adds to figures of no single agency that are no scores: of complaints and closed loops in regions,
of the parts of journeys. `is_shown` says whether every reader has the figure; `total` adds up the hits or answers, each 0 to 1. #}
with

services as (

    select
        'region' as unit_type,
        split_part(parts.unit_id, '/', -1) as unit_id,
        parts.topic || '.' || parts.figure as metric_id,
        parts.period_id,
        '' as instrument_id,
        parts.agency_id as contributor_id,
        parts.n,
        -- Times to an event are no sums; a share's hits are.
        case when parts.interval_method = 'wilson' then parts.n * parts.value / 100 end as total,
        cast(null as double) as squares
    from {{ ref('int_service_figures__estimated') }} as parts
    where parts.unit_type = 'agency_region'
        and parts.n > 0
        and {{ period_is_pending('parts.period_id') }}

),

asked as (

    select metrics.measure_id
    from {{ ref('stg_methodology__roles') }} as roles
    inner join {{ ref('stg_methodology__metrics') }} as metrics
        on roles.metric_id = metrics.metric_id
    where roles.role = 'satisfaction'

),

stages as (

    {%- for part in ['whole', 'before', 'during', 'after'] %}
    select
        'journey' as unit_type,
        cells.journey_id as unit_id,
        'journeys.{{ part }}' as metric_id,
        cells.period_id,
        cells.scale_id || '/' || (cells.scale_range + 1) || '|' || cells.wording_version as instrument_id,
        cells.agency_id as contributor_id,
        cast(sum(cells.{{ part }}_count) as double) as n,
        cast(sum(cells.sum_{{ part }}) as double) / 100 as total,
        cast(sum(cells.sum_{{ part }}2) as double) / 10000 as squares
    from {{ ref('int_journeys__cells') }} as cells
    inner join asked
        on cells.item || '.mean' = asked.measure_id
    where {{ period_is_pending('cells.period_id') }}
    group by all
    having sum(cells.{{ part }}_count) > 0
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

shown as (

    {%- for topic in ['complaints', 'closed_loop'] %}
    select
        unit_type,
        unit_id,
        '{{ topic }}.' || figure as metric_id,
        period_id,
        '' as instrument_id
    from {{ ref('bench_' ~ topic) }}
    where is_shared
        and status = 'reported'
        and {{ period_is_pending() }}
    union all
    {%- endfor %}
    select
        unit_type,
        unit_id,
        'journeys.whole' as metric_id,
        period_id,
        instrument_id
    from {{ ref('bench_journeys') }}
    where is_shared
        and status = 'reported'
        and {{ period_is_pending() }}
    union all
    select
        unit_type,
        unit_id,
        'journeys.' || stage as metric_id,
        period_id,
        instrument_id
    from {{ ref('bench_journey_stages') }}
    where is_shared
        and status = 'reported'
        and {{ period_is_pending() }}

),

parts as (

    select *
    from services
    union all
    select *
    from stages

),

final as (

    select
        parts.*,
        shown.unit_id is not null as is_shown
    from parts
    left join shown
        on parts.unit_type = shown.unit_type
        and parts.unit_id = shown.unit_id
        and parts.metric_id = shown.metric_id
        and parts.period_id = shown.period_id
        and parts.instrument_id = shown.instrument_id

)

select * from final
