import { liveDeps } from '../_shared/live.ts';
import { handle } from './handler.ts';

const deps = liveDeps();
const { http, db } = deps;
// a part is set up when it is first asked for
const settings = () => {
  const { providers, transfers, mailer, sms, push, testCodes, authHooks, returns } = deps;
  return { providers, transfers, mailer, sms, push, testCodes, authHooks, returns };
};
Deno.serve(handle({ http, db, settings }));
