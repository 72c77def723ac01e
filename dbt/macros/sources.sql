{# Where files stand. Dispatched: DuckDB and Spark name files in SQL differently. #}
{% macro lake(feed) %}{{ return(adapter.dispatch('lake')(feed)) }}{% endmacro %}

{% macro default__lake(feed) -%}
    read_parquet('{{ var("lake") | replace("'", "''") }}/{{ feed }}/*/*.parquet', hive_partitioning = false)
{%- endmacro %}

{% macro spark__lake(feed) -%}
    parquet.`{{ var("lake") }}/{{ feed }}/*`
{%- endmacro %}

{% macro snapshot(table) %}{{ return(adapter.dispatch('snapshot')(table)) }}{% endmacro %}

{% macro default__snapshot(table) -%}
    read_parquet('{{ var("lake") | replace("'", "''") }}/{{ table }}.parquet')
{%- endmacro %}

{% macro spark__snapshot(table) -%}
    parquet.`{{ var("lake") }}/{{ table }}.parquet`
{%- endmacro %}
