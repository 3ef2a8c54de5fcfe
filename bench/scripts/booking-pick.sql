\set done :done + 1
\set quote :first + :client_id * :share + :done - 1
\set renter (:quote + :quote / :vehicles * 7) % :renters
