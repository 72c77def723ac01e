-- A score that disclosure control hides shows nothing in the table of scores either.
select proofs.score_id
from {{ ref('bench_suppression_proofs') }} as proofs
inner join {{ ref('bench_scores') }} as scores
    on proofs.score_id = scores.score_id
where scores.status = 'reported'
    or scores.n is not null
