{# A number that distinguishes texts, for counting equal ones within one statement. Dispatched because each engine has its own
hash; its values are never stored or compared between engines. #}
{% macro fingerprint(text) %}{{ return(adapter.dispatch('fingerprint')(text)) }}{% endmacro %}

{% macro default__fingerprint(text) -%}
    cast(hash({{ text }}) as decimal(20, 0))
{%- endmacro %}

{% macro spark__fingerprint(text) -%}
    cast(xxhash64({{ text }}) as decimal(20, 0))
{%- endmacro %}
