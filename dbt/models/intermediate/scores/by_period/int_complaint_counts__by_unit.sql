{# Base and hits of every counted complaint figure, per unit and period. #}
{%- set shares = {
    'reopened_share': ('closed_count', 'reopened_count'),
    'upheld_share': ('decided_count', 'upheld_count'),
    'partly_upheld_share': ('decided_count', 'partly_count'),
    'escalated_share': ('escalatable_count', 'escalated_count'),
} %}

with

complaints as (

    select *
    from {{ ref('int_complaints__cells') }}
    where {{ period_is_pending() }}

),

-- A rate needs both of its feeds: exposure counts only where the complaints of the same slice are known.
exposed as (

    select usage.*
    from {{ ref('int_usage__cells') }} as usage
    semi join complaints
        on usage.agency_id = complaints.agency_id
        and usage.period_id = complaints.period_id

),

counted as (

    {%- for figure, (base, hits) in shares.items() %}
    select
        slice_id, agency_id, period_id, service_id, region_id,
        '{{ figure }}' as figure, {{ base }} as base_count, {{ hits }} as hits_count
    from complaints
    union all
    {%- endfor %}
    select
        slice_id, agency_id, period_id, service_id, region_id,
        'per_1000_transactions' as figure, 0 as base_count, opened_count as hits_count
    from complaints
    union all
    select
        slice_id, agency_id, period_id, service_id, region_id,
        'per_1000_transactions' as figure, completed_count as base_count, 0 as hits_count
    from exposed
    union all
    select
        slice_id, agency_id, period_id, service_id, region_id,
        'first_contact_resolution_share' as figure, contacts_count as base_count, resolved_count as hits_count
    from {{ ref('int_contacts__followed') }}
    where {{ period_is_pending() }}
    union all
    select
        slice_id, agency_id, period_id, service_id, region_id,
        last_check || '_share' as figure, observed_count as base_count, done_count as hits_count
    from {{ ref('int_complaint_handling__cells') }}
    where judge = 'case_audit'
        and {{ period_is_pending() }}

),

final as (
    {{ sums_by_unit('counted', ['figure'], ['base_count', 'hits_count']) }}
)

select * from final
where base_count > 0
    or figure = 'per_1000_transactions'
