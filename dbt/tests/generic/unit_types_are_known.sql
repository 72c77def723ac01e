{# Values that are not a type of unit: neither among all types (or those whose `property` is true) nor in `others`. #}
{% test unit_types_are_known(model, column_name, property=none, others=[]) %}
    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} not in ({{ unit_type_list(property) }}{% for other in others %}, '{{ other }}'{% endfor %})
{% endtest %}
