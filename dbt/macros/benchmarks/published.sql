{# A figure as it is published: four decimals, and nothing at all unless its status says reported. #}
{% macro published(column, alias=none) -%}
    case when status = 'reported' and isfinite({{ column }}) then cast(round({{ column }}, 4) as decimal(12, 4)) end
        as {{ alias or column }}
{%- endmacro %}
