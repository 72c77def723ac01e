{# What the warehouse was last built from, and what the last build had pending. Both are read without ref(): the first
is written after this table, the second is this table's previous content. #}
{%- set built = adapter.get_relation(
    database=this.database, schema=this.schema, identifier='int_slices__built'
) if execute else none -%}
{%- set before = adapter.get_relation(
    database=this.database, schema=this.schema, identifier=this.identifier
) if execute else none -%}
{{
    config(
        materialized='table',
        post_hook="{{ forget_notes('int_slices__built', 'slice_id') }}"
    )
}}

with

live as (

    select
        slice_id,
        submission_id,
        delivery_rank,
        slice_version
    from {{ ref('stg_ledger__slices') }}
    where status = 'live'

),

versions as (

    select
        slice_id,
        max(slice_version) as slice_version
    from live
    group by slice_id

),

built as (

    {% if built %}
    select
        slice_id,
        slice_version,
        build_key
    from {{ built }}
    {% else %}
    select
        slice_id,
        slice_version,
        '' as build_key
    from versions
    where 1 = 0
    {% endif %}

),

-- A build that was stopped may have written the cells of some slices without noting it.
unfinished as (

    {% if before %}
    select distinct before.slice_id
    from {{ before }} as before
    left join built
        on before.slice_id = built.slice_id
    where built.slice_id is null
    {% else %}
    select slice_id
    from versions
    where 1 = 0
    {% endif %}

),

known as (

    select
        coalesce(built.slice_id, unfinished.slice_id) as slice_id,
        case
            when unfinished.slice_id is null and built.build_key = '{{ var("build_key") }}' then built.slice_version
            else 'unknown'
        end as slice_version
    from built
    full outer join unfinished
        on built.slice_id = unfinished.slice_id

),

changed as (

    select
        coalesce(versions.slice_id, known.slice_id) as slice_id,
        coalesce(versions.slice_version, 'withdrawn') as slice_version
    from versions
    full outer join known
        on versions.slice_id = known.slice_id
    where known.slice_version is null
        or known.slice_version <> coalesce(versions.slice_version, 'withdrawn')

),

final as (

    select
        changed.slice_id,
        live.submission_id,
        live.delivery_rank,
        changed.slice_version
    from changed
    left join live
        on changed.slice_id = live.slice_id

)

select * from final
