{# What is not reported shows no number at all: a base beside an empty score would already tell too much. #}
{% test suppressed_is_empty(model, columns) %}
    select *
    from {{ model }}
    where status <> 'reported'
        and (
            {%- for column in columns %}
            {{ column }} is not null{{ ' or' if not loop.last }}
            {%- endfor %}
        )
{% endtest %}
