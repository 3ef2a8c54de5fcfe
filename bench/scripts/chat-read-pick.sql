\set conversation random(0, :conversations - 1)
\set renter :conversation % :renters
\set before random(:each / 2 + 1, :each)
