import { liveDeps } from '../_shared/live.ts';
import { handle } from './handler.ts';

Deno.serve(handle(liveDeps()));
