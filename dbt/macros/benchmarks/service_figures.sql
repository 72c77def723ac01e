{# The body of a table of one topic's figures (`int_service_figures__estimated`), judged and published by figure. #}
{% macro service_figures(topic) %}
with

figures as (

    select
        *,
        '{{ var("methodology_version") }}' as methodology_version
    from {{ ref('int_service_figures__estimated') }}
    where topic = '{{ topic }}'
        and {{ period_is_pending() }}

),

judged as (
    {{ judged_figures('figures') }}
),

final as (

    select
        md5(concat_ws('|', methodology_version, '{{ topic }}', unit_type, unit_id, figure, period_id)) as figure_id,
        methodology_version,
        unit_type,
        unit_id,
        agency_id,
        period_id,
        figure,
        status,
        status_reason,
        {{ published('value') }},
        {{ published('standard_error') }},
        {{ published('ci_low') }},
        {{ published('ci_high') }},
        interval_method,
        case when status = 'reported' then cast(n as bigint) end as n,
        case when status = 'reported' then cast(n as bigint) end as n_effective,
        {{ published('closed_only_misleading') }},
        caveat,
        coalesce(is_shared, false) as is_shared,
        slice_ids
    from judged

)

select * from final
{% endmacro %}
