{{ service_figures('closed_loop') }}
