update bench.counter set n = n + 1 where id = 1 returning n;
commit;
