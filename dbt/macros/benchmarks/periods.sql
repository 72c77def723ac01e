{# The one place that knows how a period's scores are replaced: rows from the first pending period on go, and are made anew in
the same transaction. #}
{% macro forget_pending_periods() %}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ period_is_pending() }}
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}

{# The condition by which a model of `by_period` makes pending periods only. Compared with a literal, which DuckDB carries down
to the scan; it does not reach into a common table that is used twice, so large inputs are filtered where they are read. #}
{% macro period_is_pending(column='period_id') %}
    {#- Named while dbt parses, so that the dependency is known; a unit test has no table of its own (`this`) to keep. -#}
    {%- if not execute -%}{%- set pending = ref('int_periods__pending') -%}{%- endif -%}
    {%- if this and is_incremental() -%}
        {%- set found = run_query("select coalesce(min(period_id), '9999') from " ~ ref('int_periods__pending')) -%}
        {{ column }} >= '{{ found.columns[0].values()[0] }}'
    {%- else -%}
        true
    {%- endif -%}
{% endmacro %}
