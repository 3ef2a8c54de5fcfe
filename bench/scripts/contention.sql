select refused from bench.try_booking(bench.id('quote', :quote)) \gset
\if :refused
rollback;
\else
commit;
\endif
\endif
