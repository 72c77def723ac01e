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

{# A table whose rows are kept from build to build: its pre-hook deletes those that are made anew, and these are appended. Unlike
dbt's `incremental` it needs neither a table in between nor to ask which columns there are. #}
{% materialization appended, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- do drop_if_another_type(target) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {%- if is_kept() -%}
            insert into {{ target }} by name {{ compiled_code }}
        {%- else -%}
            {{ create_table_as(False, target, compiled_code) }}
        {%- endif -%}
    {%- endcall -%}
    {{ return(finished(target)) }}
{% endmaterialization %}

{# Whether the model has a table with rows of an earlier build. #}
{% macro is_kept() %}
    {{ return(execute and load_cached_relation(this) is not none) }}
{% endmacro %}

{# Columns of a table under an enforced contract are the model's: nobody has to ask the database for them. #}
{% macro duckdb__alter_column_comment(relation, column_dict) %}
    {%- for name, column in column_dict.items() %}
    comment on column {{ relation }}.{{ adapter.quote(name) if column['quote'] else name }} is {{ duckdb_escape_comment(column['description']) }};
    {%- endfor %}
{% endmacro %}

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
