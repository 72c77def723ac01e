{# Every unit that can have a score, with its names in both languages. #}
with

{% for table in ['agencies', 'services', 'branches', 'regions', 'journeys'] -%}
{{ table }} as (

    select *
    from {{ ref('stg_registry__' ~ table) }}

),

{% endfor -%}
final as (
    {{ named_units() }}
)

select * from final
