{# Types of units that are none: of all types (or those whose `property` is true) and of `others` besides. #}
{% test unit_types_are_known(model, column_name, property=none, others=[]) %}
    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} not in ({{ unit_type_list(property) }}{% for other in others %}, '{{ other }}'{% endfor %})
{% endtest %}
