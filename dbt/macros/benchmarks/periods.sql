{# The one place that knows how a period's scores are replaced: rows from the first pending period on are deleted, and pending
periods are recomputed in batches that fit into memory (`int_periods__pending`). #}

{# The condition that limits SQL of `by_period` to the periods of one batch, or to rows whose span from one column to another
meets it. The materialization sets the batch as session variables. DuckDB treats a variable as a literal and pushes the
comparison down to the scan, but not into a CTE that is used twice, so large inputs are filtered where they are read. #}
{% macro period_is_pending(column='period_id', until=none) %}
    {#- Named while dbt parses, so that the dependency is known; a unit test has no table (`this`) to keep. -#}
    {%- if not execute -%}{%- set pending = ref('int_periods__pending') -%}{%- endif -%}
    {%- if not this -%}
        true
    {%- elif until -%}
        {{ until }} >= getvariable('first_of_batch') and {{ column }} <= getvariable('last_of_batch')
    {%- else -%}
        {{ column }} between getvariable('first_of_batch') and getvariable('last_of_batch')
    {%- endif -%}
{% endmacro %}

{# Delete what was noted of the pending periods, before it is noted again. #}
{% macro forget_pending_periods() %}
    {%- if is_kept() -%}
        delete from {{ this }}
        where period_id >= (select coalesce(min(period_id), '9999') from {{ ref('int_periods__pending') }})
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}

{# A table whose rows are kept from build to build, a period at a time. SQL computes one batch of pending periods after another;
a Python model computes all of them (`miyar.relations`). #}
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
                {#- An empty batch contains no period: it makes an empty table with the columns of the model. -#}
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

{# Quarters counted from the year 0 (as `miyar.periods.index_of` counts, but for one), and the same quarter a year later. #}
{% macro number_of_quarter(period_id) -%}
    4 * cast(left({{ period_id }}, 4) as bigint) + cast(right({{ period_id }}, 1) as bigint)
{%- endmacro %}
{% macro year_after(period_id) -%}
    cast(left({{ period_id }}, 4) as bigint) + 1 || right({{ period_id }}, 2)
{%- endmacro %}
