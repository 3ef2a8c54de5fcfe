\set renter :renters + random(0, 3)
