{# Periods whose scores must be recomputed: all from the first period whose slices or absences differ from those
behind its scores, since a score may use earlier periods (series, charts) but never later ones. A batch is the periods
that fit into memory at once. Read without ref(): what was built is written after this table, and what was pending
before is this table's previous content. #}
{%- set built = adapter.get_relation(
    database=this.database, schema=this.schema, identifier='int_periods__built'
) if execute else none -%}
{%- set before = adapter.get_relation(
    database=this.database, schema=this.schema, identifier=this.identifier
) if execute else none -%}
{{
    config(
        materialized='table',
        post_hook="{{ forget_notes('int_periods__built', 'period_id') }}"
    )
}}

with

slices as (

    select distinct
        slice_id,
        period_id
    from {{ ref('stg_ledger__slices') }}

),

delivered as (

    select
        slices.period_id,
        md5(string_agg(built.slice_id || ':' || built.slice_version, ';' order by built.slice_id)) as period_version
    from {{ ref('int_slices__built') }} as built
    inner join slices
        on built.slice_id = slices.slice_id
    where built.slice_version <> 'withdrawn'
    group by slices.period_id

),

-- What is missing, and why, has rows too, even in a period in which nothing arrived.
expected as (

    select
        period_id,
        md5(
            string_agg(
                agency_id || ':' || metric_id || ':' || slice_status, ';'
                order by agency_id, metric_id
            )
        ) as period_version
    from {{ ref('int_grid__expected') }}
    group by period_id

),

versions as (

    select
        coalesce(delivered.period_id, expected.period_id) as period_id,
        coalesce(delivered.period_version, '') || '/' || coalesce(expected.period_version, '') as period_version
    from delivered
    full outer join expected
        on delivered.period_id = expected.period_id

),

built as (

    {% if built %}
    select
        period_id,
        period_version
    from {{ built }}
    {% else %}
    select
        period_id,
        period_version
    from versions
    where 1 = 0
    {% endif %}

),

-- A build that was stopped may have written the scores of some periods without noting it.
unfinished as (

    {% if before and built %}
    select distinct before.period_id
    from {{ before }} as before
    left join built
        on before.period_id = built.period_id
    where built.period_id is null
    {% else %}
    select period_id
    from versions
    where 1 = 0
    {% endif %}

),

known as (

    select
        coalesce(built.period_id, unfinished.period_id) as period_id,
        coalesce(built.period_version, 'unknown') as period_version
    from built
    full outer join unfinished
        on built.period_id = unfinished.period_id

),

compared as (

    select
        coalesce(versions.period_id, known.period_id) as period_id,
        coalesce(versions.period_version, 'withdrawn') as period_version,
        coalesce(known.period_version = coalesce(versions.period_version, 'withdrawn'), false) as is_built
    from versions
    full outer join known
        on versions.period_id = known.period_id

),

sizes as (

    select
        period_id,
        sum(accepted_rows) as accepted_rows
    from {{ ref('stg_ledger__slices') }}
    where status = 'live'
    group by period_id

),

changed as (

    select min(period_id) as first_period_id
    from compared
    where not is_built

),

final as (

    select
        compared.period_id,
        compared.period_version,
        -- The widest model takes about a gigabyte for the cells of two million rows.
        cast(
            floor(
                coalesce(
                    sum(sizes.accepted_rows) over (
                        order by compared.period_id
                        rows between unbounded preceding and 1 preceding
                    ), 0
                ) / 2000000
            ) as integer
        ) as batch
    from compared
    inner join changed
        on compared.period_id >= changed.first_period_id
    left join sizes
        on compared.period_id = sizes.period_id

)

select * from final
