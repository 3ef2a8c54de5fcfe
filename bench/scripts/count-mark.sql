-- callgrind closes a count whenever this function is called (bench/count.ts).
\if :done = :begin
select pg_backend_pid();
\elif :done = :end
select pg_backend_pid();
\endif
