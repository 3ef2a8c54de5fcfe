\set conversation random(0, :conversations - 1)
\set renter :conversation % :renters
\set before random(least(51, :each + 1), :each + 1)
