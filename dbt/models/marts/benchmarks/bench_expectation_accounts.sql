with

thresholds as (

    {{ threshold_values('minimum_n') }}

),

accounts as (

    select
        accounts.*,
        roles.metric_id,
        case
            when accounts.fault = 'confidential' then 'suppressed'
            when accounts.fault is not null then 'not_applicable'
            when least(accounts.n, accounts.n_before) < thresholds.minimum_n then 'suppressed'
            when not isfinite(accounts.change) then 'not_applicable'
            else 'reported'
        end as status,
        case
            when accounts.fault is not null then accounts.fault
            when least(accounts.n, accounts.n_before) < thresholds.minimum_n then 'confidential'
            when not isfinite(accounts.change) then 'not_measured'
        end as status_reason,
        -- Parts are rounded first and the residual is the rest, so that what is published adds up.
        round(accounts.change, 4)
        {%- for part in ['mix', 'mode', 'service', 'expectation'] %}
        - case when isfinite(accounts.{{ part }}_effect) then round(accounts.{{ part }}_effect, 4) else 0 end
        {%- endfor %} as residual_effect
    from {{ ref('int_expectation__estimated') }} as accounts
    inner join {{ ref('stg_methodology__roles') }} as roles
        on roles.role = 'satisfaction'
    cross join thresholds

),

final as (

    select
        '{{ var("methodology_version") }}' as methodology_version,
        'agency' as unit_type,
        agency_id as unit_id,
        agency_id,
        metric_id,
        period_id,
        instrument_id,
        status,
        status_reason,
        case when status = 'reported' then cast(n as bigint) end as n,
        case when status = 'reported' then cast(n as bigint) end as n_effective,
        case when status = 'reported' then cast(n_before as bigint) end as n_before,
        {{ published('change') }},
        {%- for part in ['mix', 'mode', 'service', 'expectation'] %}
        {{ published(part ~ '_effect') }},
        {{ published(part ~ '_standard_error') }},
        {%- endfor %}
        {{ published('residual_effect') }},
        {{ published('completion_change') }},
        case when status = 'reported' then expectation_reason end as expectation_reason,
        'associational' as reading,
        slice_ids
    from accounts

)

select * from final
