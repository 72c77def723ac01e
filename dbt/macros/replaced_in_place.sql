{# Views and whole tables are replaced in place. dbt's own way (create under another name, rename both, drop the old one) takes
three times as long, about a second of every build. A reader sees the old or the new one, because it is all one transaction. #}

{% materialization view, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do drop_if_another_type(target) -%}
    {%- call statement('main') -%}
        create or replace view {{ target }} as ({{ compiled_code }});
        {#- What it was made from: where all views say the same, the next build makes none. #}
        comment on view {{ target }} is '{{ var("views_key") }}'
    {%- endcall -%}
    {{ return(finished(target)) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do drop_if_another_type(target) -%}
    {%- if model['language'] == 'python' -%}
        {%- call statement('main', language='python') -%}
            {{ python_of_table(target) }}
        {%- endcall -%}
    {%- else -%}
        {%- call statement('main') -%}
            {%- if config.get('contract').enforced -%}
                {{ get_assert_columns_equivalent(compiled_code) }}
                create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
                insert into {{ target }} {{ get_column_names() }} ({{ get_select_subquery(compiled_code) }})
            {%- else -%}
                create or replace table {{ target }} as ({{ compiled_code }})
            {%- endif -%}
        {%- endcall -%}
    {%- endif -%}
    {{ return(finished(target)) }}
{% endmaterialization %}

{# Drop a relation of the same name but another type, left by a build with other models. #}
{% macro drop_if_another_type(target) %}
    {%- set existing = load_cached_relation(target) -%}
    {%- if existing is not none and existing.type != target.type -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
{% endmacro %}

{# A Python model does not write through dbt's connection but in a transaction of its own. #}
{% macro python_of_table(target, forgotten=none) -%}
{{ compiled_code }}

def materialize(df, con):
    con.register("rows_made", df)
    con.execute("begin")
    try:
        {%- if forgotten %}
        con.execute("""{{ forgotten }}""")
        con.execute("""insert into {{ target }} by name select * from rows_made""")
        {%- else %}
        con.execute("""create or replace table {{ target }} as select * from rows_made""")
        {%- endif %}
        con.execute("commit")
    except Exception:  # dbt is told: nothing is half replaced
        con.execute("rollback")
        raise
    con.unregister("rows_made")
{%- endmacro %}

{# The end of every materialization: persist the descriptions, commit, and return the relation to dbt. #}
{% macro finished(target) %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmacro %}
