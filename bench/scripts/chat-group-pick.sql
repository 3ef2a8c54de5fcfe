\set renter :client_id % 16
