{# How many steps a code of an answer lies above the worst one of its scale: reversed
items are reversed here and nowhere else. #}
{% macro steps_above_worst(code) -%}
    case
        when answers.is_reversed then answers.scale_max - {{ code }}
        else {{ code }} - answers.scale_min
    end
{%- endmacro %}
