import { liveDeps } from '../_shared/live.ts';
import { handle } from './handler.ts';

const deps = liveDeps();
const { http, db } = deps;
Deno.serve(handle({ http, db, settings: () => [deps.providers, deps.transfers, deps.mailer, deps.returns] }));
