{# Where the files of a source are, replacing dbt's own `source()`: in the lake of the run's workspace. dbt records the
dependency; the adapter says how SQL names files. #}
{% macro source(source_name, table_name) %}
    {%- do builtins.source(source_name, table_name) -%}
    {%- set place = {
        'lake': table_name ~ '/*/*.parquet',
        'ledger': table_name ~ '.parquet',
        'snapshots': 'registry/' ~ table_name ~ '.parquet',
    }[source_name] -%}
    {{ return(adapter.dispatch('files')(place)) }}
{% endmacro %}

{# Files below the lake. A folder named a=b in their path is not read as a column, and in the lake's own path *, ? and [
are no patterns; a column that came later is null in older files. #}
{% macro default__files(place) -%}
    {%- set lake = var("lake") | replace("'", "''") | replace("[", "[[]") | replace("*", "[*]") | replace("?", "[?]") -%}
    read_parquet('{{ lake }}/{{ place }}', hive_partitioning = false, union_by_name = true)
{%- endmacro %}

{% macro spark__files(place) -%}
    parquet.`{{ var("lake") }}/{{ place | replace('/*.parquet', '') }}`
{%- endmacro %}
