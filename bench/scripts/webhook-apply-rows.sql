select bench.write_success(:event, 'W' || (:quote)::text);
commit;
