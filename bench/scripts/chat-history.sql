select * from public.list_messages(bench.id('conversation', :conversation), :before, 50);
commit;
