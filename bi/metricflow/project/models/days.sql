-- MetricFlow requires a table of all days; this one covers far more than any benchmark.
select cast(range as date) as day_date
from range(date '2000-01-01', date '2100-01-01', interval 1 day)
