{# The tables of cells of each feed, declared once (a score is traced back to the first), and the column that says how many rows
a cell stands for. A feed with `subject` has several kinds of rows in one table; those that need more SQL are written out in
`int_rows__gathered`. A new feed is an entry here. #}
{% macro cells_of_feeds() %}
    {{- return({
        'survey_responses': {
            'cells': [
                'int_survey__cells', 'int_respondents__cells', 'int_questionnaires__cells', 'int_journeys__cells',
                'int_closed_loop__cells', 'int_expectation__cells', 'int_people__cells', 'int_item_pairs__cells', 'int_delays__cells',
            ],
        },
        'complaints': {
            'cells': [
                'int_complaints__cells', 'int_complaint_times__cells', 'int_episodes__cells', 'int_complaint_handling__cells',
            ],
            'rows': 'opened_count',
        },
        'service_usage': {'cells': ['int_usage__cells'], 'rows': 'rows_count'},
        'service_standards': {'cells': ['int_standards__cells'], 'rows': 'standards_count'},
        'mystery_visits': {'cells': ['int_visits__cells', 'int_visit_parts__cells']},
        'maturity_assessments': {
            'cells': ['int_maturity__cells'], 'rows': 'practices_count', 'subject': "'maturity.' || model_id",
        },
        'reported_measures': {'cells': ['int_reported__cells']},
    }) -}}
{% endmacro %}

{# Declare, for dbt, a dependency on every table of cells. #}
{% macro after_all_cells() %}
    {%- for made in cells_of_feeds().values() %}
    {%- for table in made.cells %}
-- depends_on: {{ ref(table) }}
    {%- endfor %}
    {%- endfor %}
{% endmacro %}

{# Cases due, or those of them answered in time, as the version of the methodology counts them. #}
{% macro in_time(which) %}
    {%- set flag %}({{ threshold_values('complaints_due_by_extract') }}){% endset %}
    {{- return('case when ' ~ flag ~ ' = 1 then ' ~ which ~ '_by_extract_count else ' ~ which ~ '_count end') -}}
{% endmacro %}

{# Measures that are a share of counts in cells: numerator and base, and how many more cases would be in the base had the provider
not left a field blank that it fills for others. A new one over existing columns is a line here. #}
{% macro shares_of_cells() %}
    {%- set digital = 'channel in (select digital_channels.channel from digital_channels)' %}
    {%- set in_digital = 'case when ' ~ digital ~ ' then completed_count else 0 end' %}
    {{- return([
        {'cells': 'int_complaints__cells', 'measure': 'complaints.in_time', 'numerator': in_time('in_time'), 'base': in_time('due')},
        {'cells': 'int_complaints__cells', 'measure': 'complaints.resolved_in_target_share', 'numerator': 'answered_count', 'base': 'opened_count'},
        {'cells': 'int_complaints__cells', 'measure': 'complaints.acknowledged', 'numerator': 'acknowledged_count', 'base': 'acknowledgeable_count'},
        {'cells': 'int_complaints__cells', 'measure': 'complaints.upheld', 'numerator': 'upheld_count', 'base': 'decided_count', 'unknown': 'outcome_missing_count'},
        {'cells': 'int_complaints__cells', 'measure': 'complaints.reopened', 'numerator': 'reopened_count', 'base': 'closed_count', 'unknown': 'reopenings_missing_count'},
        {'cells': 'int_complaints__cells', 'measure': 'complaints.escalated', 'numerator': 'escalated_count', 'base': 'escalatable_count'},
        {'cells': 'int_usage__cells', 'measure': 'usage.digital_completion', 'numerator': 'rated_ended_count', 'base': 'rated_started_count', 'unknown': 'coalesce(started_count, 0) - coalesce(rated_started_count, 0)', 'where': digital},
        {'cells': 'int_usage__cells', 'measure': 'usage.digital_take_up', 'numerator': in_digital, 'base': 'completed_count', 'where': 'channel is not null'},
        {'cells': 'int_usage__cells', 'measure': 'usage.availability', 'numerator': 'minutes_available', 'base': 'cast(round(minutes_due) as bigint)'},
        {'cells': 'int_standards__cells', 'measure': 'standards.cases_met', 'numerator': 'met_count', 'base': 'total_count'},
        {'cells': 'int_standards__cells', 'measure': 'standards.targets_met', 'numerator': 'on_target_count', 'base': 'judged_count'},
    ]) -}}
{% endmacro %}

{# Those shares as rows, by slice and place. #}
{% macro shares_observed() %}
    {%- for share in shares_of_cells() %}
    select
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id,
        '{{ share.measure }}' as measure_id, {{ share.base }} as n, {{ share.numerator }} as numerator,
        {{ share.unknown or 'cast(null as bigint)' }} as unknown_count
    from {{ ref(share.cells) }}
    {%- if share.where %}
    where {{ share.where }}
    {%- endif %}
    {{ 'union all by name' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# Rows behind each cell of the feeds for which `cells_of_feeds` suffices. #}
{% macro rows_of_cells() %}
    {%- for feed, made in cells_of_feeds().items() if made.rows %}
    {{ 'union all by name' if not loop.first }}
    select
        '{{ feed }}' as feed,
        {%- if made.subject %}
        {{ made.subject }} as subject,
        {%- endif %}
        slice_id, agency_id, period_id, service_id, branch_id, region_id, journey_id,
        {{ made.rows }} as rows_count, 1 as cells_count
    from {{ ref(made.cells[0]) }}
    {%- endfor %}
{% endmacro %}
