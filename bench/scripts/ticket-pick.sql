-- Nobody buys on two connections at once.
\set renter :client_id + :clients * random(0, :renters / :clients - 1)
