{# No NaN and no infinity in a published table, whatever the column. #}
{% test numbers_are_finite(model) %}
    {%- set numeric = [] %}
    {%- for column in (adapter.get_columns_in_relation(model) if execute else []) %}
        {%- if column.is_numeric() or column.is_float() %}{% do numeric.append(column.name) %}{% endif %}
    {%- endfor %}
    select *
    from {{ model }}
    where 1 = 0
        {%- for name in numeric %}
        or not isfinite(cast({{ name }} as double))
        {%- endfor %}
{% endtest %}
