select * from bench.plain_calendar(bench.id('vehicle', :vehicle), now(), now() + interval '365 days');
commit;
