{# The first reason why a score may not be compared in a frame, whose counts begin with `frame`; empty where it may. #}
{% macro gate_reason(frame) -%}
    case
        when not counted.is_reported then coalesce(counted.status_reason, 'base_too_small')
        when counted.polarity = 0 then 'not_ranked_alone'
        when not counted.is_covered then 'population_not_covered'
        when counted.{{ frame }}same_metric_count < thresholds.minimum_peers then 'too_few_peers'
        when counted.{{ frame }}same_scale_count < thresholds.minimum_peers then 'instrument_differs'
        when counted.{{ frame }}same_instrument_count < thresholds.minimum_peers then 'wording_differs'
        when counted.{{ frame }}same_frame_count < thresholds.minimum_peers then 'frame_differs'
        when counted.{{ frame }}same_modes_count < thresholds.minimum_peers then 'mode_mix_differs'
        when counted.{{ frame }}same_adjustments_count < thresholds.minimum_peers then 'adjustment_differs'
        when not counted.is_base_known then 'base_unknown'
        when counted.{{ frame }}same_base_count < thresholds.minimum_peers then 'base_unknown'
        when not counted.has_interval then 'no_interval'
        when counted.{{ frame }}same_measure_count < thresholds.minimum_peers then 'no_interval'
    end
{%- endmacro %}
