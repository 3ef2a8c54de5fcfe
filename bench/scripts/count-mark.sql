-- callgrind closes a count whenever this function is called (bench/count.ts): after 40 calls, and after 200.
\if :done = 40
select pg_backend_pid();
\elif :done = 200
select pg_backend_pid();
\endif
