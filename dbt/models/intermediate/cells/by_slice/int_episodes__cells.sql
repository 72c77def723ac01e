{# Contacts by pseudonym and day: complaints by need, so that a repeat is found across quarters; responses by
beneficiary, for the burden of surveys. Rows without a pseudonym cannot be linked and are counted under none. #}
with

complaints as (

    select
        complaints.slice_id,
        complaints.agency_id,
        complaints.period_id,
        complaints.service_id,
        complaints.region_id,
        complaints.category_code,
        complaints.beneficiary,
        cast(complaints.opened_at as date) as day,
        {{ age_of_version('complaints') }} as version_rank
    from {{ pending_rows('complaints') }} as complaints

),

responses as (

    select distinct
        responses.slice_id,
        responses.agency_id,
        responses.period_id,
        responses.beneficiary,
        responses.response_id
    from {{ pending_rows('survey_responses') }} as responses

),

episodes as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        category_code,
        'complaint' as episode,
        beneficiary,
        day
    from complaints
    where version_rank = 1
    union all
    select
        slice_id,
        agency_id,
        period_id,
        cast(null as {{ dbt.type_string() }}) as service_id,
        cast(null as {{ dbt.type_string() }}) as region_id,
        cast(null as {{ dbt.type_string() }}) as category_code,
        'response' as episode,
        beneficiary,
        cast(null as date) as day
    from responses

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        category_code,
        episode,
        beneficiary,
        day,
        count(*) as episodes_count
    from episodes
    where beneficiary is not null
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        region_id,
        category_code,
        episode,
        beneficiary,
        day

)

select * from final
