{# The one place that knows how a period's scores are replaced: rows from the first pending period on go, and pending periods are
made anew, in batches that fit into memory (`int_periods__pending`). #}

{# The condition by which SQL of `by_period` makes the periods of one batch only, or reads what lies in the periods from one
column to another. The materialization sets the batch as variables of its session. DuckDB takes a variable for a literal and
carries the comparison down to the scan, but not into a common table that is used twice: large inputs are filtered where they
are read. #}
{% macro period_is_pending(column='period_id', until=none) %}
    {#- Named while dbt parses, so that the dependency is known; a unit test has no table of its own (`this`) to keep. -#}
    {%- if not execute -%}{%- set pending = ref('int_periods__pending') -%}{%- endif -%}
    {%- if not this -%}
        true
    {%- elif until -%}
        {{ until }} >= getvariable('first_of_batch') and {{ column }} <= getvariable('last_of_batch')
    {%- else -%}
        {{ column }} between getvariable('first_of_batch') and getvariable('last_of_batch')
    {%- endif -%}
{% endmacro %}

{# Before the periods just built are noted, what was noted of them goes. #}
{% macro forget_pending_periods() %}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where period_id >= (select coalesce(min(period_id), '9999') from {{ ref('int_periods__pending') }})
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}

{# A table whose rows are kept from build to build, a period at a time. SQL makes one batch of pending periods after the other;
a Python model makes all of them (`miyar.relations`). #}
{% materialization by_period, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set batches = run_query(
        "select min(period_id), max(period_id) from " ~ ref('int_periods__pending') ~ " group by batch order by batch"
    ).rows -%}
    {%- set forgotten = "delete from " ~ target ~ " where period_id >= '" ~ (batches[0][0] if batches else '9999') ~ "'" -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if model['language'] == 'python' -%}
        {%- call statement('main', language='python') -%}
            {{ python_of_table(target, forgotten if existing is not none) }}
        {%- endcall -%}
    {%- else -%}
        {%- call statement('main') -%}
            {%- if existing is not none -%}
                {{ forgotten }}
            {%- else -%}
                {#- No period lies in a batch of no periods: an empty table with the columns of the model. -#}
                {{ set_batch('', '') }}
                {{ create_table_as(False, target, compiled_code) }}
            {%- endif -%}
        {%- endcall -%}
        {%- for first, last in batches -%}
            {%- call statement('rows') -%}
                {{ set_batch(first, last) }}
                insert into {{ target }} by name {{ compiled_code }}
            {%- endcall -%}
        {%- endfor -%}
    {%- endif -%}

    {{ return(finished(target)) }}
{% endmaterialization %}

{% macro set_batch(first, last) %}
    set variable first_of_batch = '{{ first }}';
    set variable last_of_batch = '{{ last }}';
{% endmacro %}
