\set done :done + 1
\set renter 1 + :client_id * :share + :done - 1
