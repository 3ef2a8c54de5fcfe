\set vehicle random(0, :vehicles - 1)
\set renter random(0, :renters - 1)
