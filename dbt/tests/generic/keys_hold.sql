{# A table's keys: combinations of columns that stand once, and columns whose values stand in another table. One statement for
all of them, because a build asks it of every table; each row that fails names the rule and the values. #}
{% test keys_hold(model, unique=[], references=[]) %}
    {%- for columns in unique %}
    select
        'unique: {{ columns | join(', ') }}' as rule,
        concat_ws(' | ', {% for column in columns %}cast({{ column }} as varchar){{ ', ' if not loop.last }}{% endfor %}) as key,
        count(*) as rows_count
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
    {{ 'union all' if references or not loop.last }}
    {%- endfor %}
    {%- for one in references %}
    select
        '{{ one.column }}: not among {{ one.field }} of {{ one.to.identifier }}' as rule,
        cast(rows_here.{{ one.column }} as varchar) as key,
        count(*) as rows_count
    from {{ model }} as rows_here
    where rows_here.{{ one.column }} is not null
        and not exists (
            select 1 from {{ one.to }} as named
            where named.{{ one.field }} = rows_here.{{ one.column }}
        )
    group by rows_here.{{ one.column }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endtest %}
