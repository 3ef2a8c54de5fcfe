-- Every other transaction waits at a gate until all connections have come; the next is the rush.
\set step :step + 1
\if :step % 2 = 1
\set round :round + 1
select pg_advisory_xact_lock_shared(72001, :round);
\else
\set quote :first + (:round - 1) * :clients + :client_id
\set renter (:quote + :quote / :vehicles * 7) % :renters
