{# The one place that knows how a slice is replaced: its old cells go, its new ones are appended, in one transaction. #}
{% macro forget_pending_slices() %}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where slice_id in (select slice_id from {{ ref('int_slices__pending') }})
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}
