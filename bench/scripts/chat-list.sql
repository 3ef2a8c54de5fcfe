select * from public.my_conversations();
commit;
