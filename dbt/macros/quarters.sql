{# Quarters since year 0, as `miyar.periods.index_of` counts them. #}
{% macro quarter_number(period_id) -%}
    (4 * cast(left({{ period_id }}, 4) as integer) + cast(right({{ period_id }}, 1) as integer) - 1)
{%- endmacro %}
