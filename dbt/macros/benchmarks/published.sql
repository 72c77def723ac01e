{# A figure as published: rounded to four decimals, and null unless its status is reported. #}
{% macro published(column, alias=none) -%}
    case when status = 'reported' and isfinite({{ column }}) then cast(round({{ column }}, 4) as decimal(12, 4)) end
        as {{ alias or column }}
{%- endmacro %}
