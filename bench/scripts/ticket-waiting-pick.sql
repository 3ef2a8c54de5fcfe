\set renter random(1, :waiting)
