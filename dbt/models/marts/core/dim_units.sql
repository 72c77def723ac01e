{# Every unit that can have a score, with its names in both languages. #}
with

{% for table in ['agencies', 'services', 'branches', 'regions', 'journeys'] -%}
{{ table }} as (

    select *
    from {{ ref('stg_registry__' ~ table) }}

),

{% endfor -%}
units as (
    {{ named_units() }}
),

final as (

    select
        *,
        agency_id is null as is_shared
    from units

)

select * from final
