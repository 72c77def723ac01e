{# A row that is not reported shows no number at all: a base next to an empty score would already reveal too much. #}
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
