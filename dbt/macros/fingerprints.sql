{# A number that tells texts apart, for counting equal ones within one statement. Dispatched: each engine has its own hash, and no
value of it is ever stored or compared between engines. #}
{% macro fingerprint(text) %}{{ return(adapter.dispatch('fingerprint')(text)) }}{% endmacro %}

{% macro default__fingerprint(text) -%}
    cast(hash({{ text }}) as decimal(20, 0))
{%- endmacro %}

{% macro spark__fingerprint(text) -%}
    cast(xxhash64({{ text }}) as decimal(20, 0))
{%- endmacro %}
