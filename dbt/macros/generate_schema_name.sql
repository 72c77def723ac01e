{# Schemas have their configured names without a prefix, because there is one warehouse per workspace. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
