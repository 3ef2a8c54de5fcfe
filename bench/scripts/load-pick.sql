\set conversation random(0, :conversations - 1)
\set renter :conversation % :renters
