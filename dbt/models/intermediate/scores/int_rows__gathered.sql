{# Rows and cells that a metric uses in every feed except answers (`int_answers__by_unit`), by
slice and place: an explanation counts them before any statistic. Rows count as in the cells: of a
case delivered several times, the last. #}
with

metrics as (

    select
        metric_id,
        feed,
        measure_id,
        nullif(stage, '') as stage
    from {{ ref('stg_methodology__metrics') }}

),

-- What a metric uses in each feed it may come from.
subjects as (

    select
        metric_id,
        stage,
        feed,
        case feed
            when 'mystery_visits' then measure_id
            when 'maturity_assessments' then measure_id
        end as subject
    from metrics
    where feed <> 'survey_responses'
    union all
    select metric_id, stage, 'reported_measures' as feed, metric_id as subject
    from metrics
    union all
    -- A rate needs both of its feeds.
    select metric_id, stage, 'service_usage' as feed, cast(null as varchar) as subject
    from metrics
    where measure_id = 'complaints.per_1000'

),

cells as (

    {{ rows_of_cells() }}
    union all by name
    -- A visit's score is one cell; its rows are the items behind it.
    select
        'mystery_visits' as feed, 'mystery.visit' as subject,
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id, stage,
        case when grain = 'item' then observed_count else 0 end as rows_count,
        case when grain = 'visit' then 1 else 0 end as cells_count
    from {{ ref('int_visits__cells') }}
    {%- for subject in ["'mystery.item'", "'mystery.item.' || rubric_item"] %}
    union all by name
    select
        'mystery_visits' as feed, {{ subject }} as subject,
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id, stage,
        observed_count as rows_count, 1 as cells_count
    from {{ ref('int_visits__cells') }}
    where grain = 'item'
    {%- endfor %}
    union all by name
    select
        'reported_measures' as feed, measure as subject, 'reported' as instrument_id,
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id, stage,
        reports_count as rows_count, 1 as cells_count
    from {{ ref('int_reported__cells') }}

),

final as (

    select
        subjects.metric_id,
        coalesce(cells.instrument_id, 'administrative') as instrument_id,
        cells.slice_id,
        cells.agency_id,
        cells.period_id,
        cells.service_id,
        cells.branch_id,
        cells.region_id,
        cells.journey_id,
        cast(sum(cells.rows_count) as bigint) as rows_count,
        cast(sum(cells.cells_count) as bigint) as cells_count
    from cells
    inner join subjects
        on cells.feed = subjects.feed
        and cells.subject is not distinct from subjects.subject
        and (subjects.stage is null or cells.stage = subjects.stage)
    group by all

)

select * from final
