{# One row with a column for each named threshold of the methodology. #}
{% macro threshold_values() %}
    select
        {%- for name in varargs %}
        max(value) filter (where name = '{{ name }}') as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('stg_methodology__thresholds') }}
{% endmacro %}
