{% test rows_are_conserved(model) %}
    select *
    from {{ model }}
    where records <> accepted + quarantined + duplicates
{% endtest %}
