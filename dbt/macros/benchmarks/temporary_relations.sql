{# dbt-duckdb 1.11 writes the rows of an incremental Python model into a table beside its target, and then looks for a temporary
one. Here it is told of the table it wrote; dbt drops it afterwards, and what a stopped run left before the next. #}
{% macro duckdb__dispatch_temporary_relation(target_relation, batch_id='') %}
    {%- if model['language'] == 'python' -%}
        {%- set beside = target_relation.incorporate(path={'identifier': target_relation.identifier ~ '__dbt_tmp'}) -%}
        {% do return({'relation': beside, 'temporary': false}) %}
    {%- endif -%}
    {% do return({'relation': make_temp_relation(target_relation), 'temporary': true}) %}
{% endmacro %}
