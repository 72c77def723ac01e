{# What the warehouse was last built from; read without ref(), because that table is written after this one. #}
{%- set built = adapter.get_relation(
    database=this.database, schema=this.schema, identifier='int_slices__built'
) if execute else none -%}
{{ config(materialized='table') }}

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
        slice_version
    from {{ built }}
    where build_key = '{{ var("build_key") }}'
    {% else %}
    select
        slice_id,
        slice_version
    from versions
    where 1 = 0
    {% endif %}

),

changed as (

    select
        coalesce(versions.slice_id, built.slice_id) as slice_id,
        coalesce(versions.slice_version, 'withdrawn') as slice_version
    from versions
    full outer join built
        on versions.slice_id = built.slice_id
    where versions.slice_version is null
        or built.slice_version is null
        or versions.slice_version <> built.slice_version

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
