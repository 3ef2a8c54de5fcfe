-- Operations: a limit on every direct write.
-- Rule kept here: no path to a row goes around a limit: commands take tokens of their own, and what people write without a
-- command costs a token of direct_write.
-- Left out on purpose: tables that a later migration makes; it calls the function again.

select private.limit_direct_writes();
