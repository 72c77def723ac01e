{{ service_figures('complaints') }}
