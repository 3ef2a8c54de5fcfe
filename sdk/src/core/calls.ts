import type { SupabaseClient } from '@supabase/supabase-js';
import { errorText, JourneyError } from '../error.ts';
import { callKinds, type RpcName } from '../generated/calls.ts';
import type { Functions } from '../generated/database.ts';
import { fail, type Result, succeed } from '../result.ts';
import type { CallKind } from './call-kind.ts';
import { type Failure, functionFailure, restFailure, unansweredFailure } from './failure.ts';
import { fieldOfBody, fieldOfCommand, inWordsOf, type Sent } from './fields.ts';
import { createIdempotencyKey, createTraceId, traceparent, uuidForm } from './ids.ts';
import type { Answer } from './shapes.ts';
import { backoffMs, type RetryPolicy, wait } from './wait.ts';

/** What may be said about any one call. */
export interface CallOptions {
  /** Ends the call; its error has code `aborted`. */
  signal?: AbortSignal;
  /** Longest wait for one try in milliseconds. Default: the client's, 15000. */
  timeoutMs?: number;
  /** Tries after the first one. Default: the client's, 3. Commands that can't be repeated are never retried. */
  retries?: number;
  /** Names the call in every log. Default: a new trace id of 32 hex digits. */
  correlationId?: string;
}

/** What may be said about a command. */
export interface CommandOptions extends CallOptions {
  /**
   * UUID that makes the command safe to repeat: the same key with the same input answers the stored result.
   * Default: a new one per call, kept over its retries. Pass your own to repeat a call after an app restart.
   */
  idempotencyKey?: string;
}

/** What one try gave. */
export type Try<T> = { data: T } | { failure: Failure };

/** What a try may use. */
export interface TryContext {
  signal: AbortSignal;
  headers: Record<string, string>;
}

interface CallSpec {
  kind: CallKind;
  options?: CommandOptions;
  timeoutMs?: number;
  /** What a refusal of the input may speak of. */
  sent?: Sent;
}

/** The one place where requests are sent, repeated, given up, and their throws turned into results. */
export class Calls {
  readonly client: SupabaseClient;
  readonly #timeoutMs: number;
  readonly #policy: RetryPolicy;
  readonly #open = new Set<AbortController>();
  readonly #closing = new AbortController();

  constructor(client: SupabaseClient, timeoutMs: number, policy: RetryPolicy) {
    this.client = client;
    this.#timeoutMs = timeoutMs;
    this.#policy = policy;
  }

  /** Aborted when the client is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Ends every call under way, and refuses every later one. */
  close(): void {
    this.#closing.abort();
    for (const call of this.#open) call.abort();
  }

  /** Calls a database function. A keyed one gets its idempotency key here, before the first try. */
  rpc<N extends RpcName>(
    name: N,
    args: Functions[N]['args'],
    options?: CommandOptions,
  ): Promise<Result<Answer<N>>> {
    const kind: CallKind = callKinds[name];
    const key = kind === 'keyed' ? keyOf(options) : undefined;
    const body = key === undefined ? args : { ...args, idempotency_key: key };
    const sent: Sent = { given: body, nameOf: (field) => fieldOfCommand(name, field) };
    return this.run<Answer<N>>(
      { kind, options: { ...options, idempotencyKey: key }, sent },
      ({ signal, headers }) =>
        this.#rest<Answer<N>>(withHeaders(this.client.rpc(name, body), headers).abortSignal(signal)),
    );
  }

  /** Reads or writes a table through PostgREST; `build` makes the request anew for each try. `changes` is what it writes. */
  table<T>(
    kind: CallKind,
    build: (client: SupabaseClient) => RestRequest,
    options?: CallOptions,
    changes?: object,
  ): Promise<Result<T>> {
    const sent = changes && { given: { ...changes }, nameOf: (column: string) => column };
    return this.run<T>({ kind, options, sent }, ({ signal, headers }) =>
      this.#rest<T>(withHeaders(build(this.client), headers).abortSignal(signal).retry(false)),
    );
  }

  /** Calls an edge function by POST. `keyed` puts the idempotency key into the body. */
  invoke<T>(
    kind: CallKind,
    path: string,
    body: Record<string, unknown>,
    options?: CommandOptions,
  ): Promise<Result<T>> {
    const key = kind === 'keyed' ? keyOf(options) : undefined;
    const sent = key === undefined ? body : { ...body, idempotency_key: key };
    const spec = {
      kind,
      options: { ...options, idempotencyKey: key },
      sent: { given: sent, nameOf: fieldOfBody },
    };
    return this.#edge<T>(spec, path, { method: 'POST', body: sent });
  }

  /** Reads from an edge function by GET; what is not JSON comes as text. */
  read<T>(path: string, options?: CallOptions): Promise<Result<T>> {
    return this.#edge<T>({ kind: 'read', options }, path, { method: 'GET' });
  }

  #edge<T>(
    spec: CallSpec,
    path: string,
    request: { method: 'GET' | 'POST'; body?: Record<string, unknown> },
  ): Promise<Result<T>> {
    return this.run<T>(spec, async ({ signal, headers }) => {
      const { data, error, response } = await this.client.functions.invoke<T>(path, {
        ...request,
        headers,
        signal,
      });
      if (!error) return { data: data as T };
      if (!response) return { failure: unansweredFailure('network', networkMessage(error)) };
      const answer = await response.json().catch(() => ({}));
      return { failure: functionFailure(response.status, answer, response.headers.get('retry-after')) };
    });
  }

  async #rest<T>(request: PromiseLike<RestAnswer>): Promise<Try<T>> {
    const { data, error, status } = await request;
    return error ? { failure: restFailure(status, error) } : { data: data as T };
  }

  /** Sends a request until it is answered, refused for good, or the policy or the caller says to stop. */
  async run<T>(spec: CallSpec, attempt: (context: TryContext) => Promise<Try<T>>): Promise<Result<T>> {
    const call = new AbortController();
    const abort = (): void => call.abort();
    const asked = spec.options?.signal;
    if (asked?.aborted || this.closing.aborted) abort();
    asked?.addEventListener('abort', abort);
    this.#open.add(call);
    try {
      return await this.#repeat(spec, call.signal, attempt);
    } finally {
      this.#open.delete(call);
      asked?.removeEventListener('abort', abort);
    }
  }

  async #repeat<T>(
    spec: CallSpec,
    signal: AbortSignal,
    attempt: (context: TryContext) => Promise<Try<T>>,
  ): Promise<Result<T>> {
    const { kind, options = {} } = spec;
    const correlationId = options.correlationId ?? createTraceId();
    const retries = kind === 'once' ? 0 : (options.retries ?? this.#policy.retries);
    let unsettled = false;
    let tries = 0;

    const end = (ended: Failure): Result<T> => {
      const failure = spec.sent ? inWordsOf(spec.sent, ended) : ended;
      return fail(
        new JourneyError({
          code: failure.code,
          status: failure.status,
          message: failure.message || errorText(failure, 'en'),
          retryable: failure.retryable,
          details: failure.details,
          correlationId: failure.correlationId ?? correlationId,
          outcome: unsettled && kind !== 'read' ? 'unknown' : 'not_applied',
          idempotencyKey: options.idempotencyKey ?? null,
          tries,
        }),
      );
    };

    while (true) {
      if (signal.aborted) return end(this.#aborted());
      tries += 1;
      const outcome = await this.#try(spec, signal, correlationId, attempt);
      if ('data' in outcome) return succeed(outcome.data);
      const { failure } = outcome;
      if (failure.settles === 'nothing') unsettled = true;
      else if (failure.settles === 'all_tries' || tries === 1) unsettled = false;
      if (!failure.tryAgain || tries > retries) return end(failure);
      const asked = failure.retryAfterMs ?? 0;
      if (asked > this.#policy.maxRetryAfterMs) return end(failure);
      await wait(Math.max(asked, backoffMs(this.#policy, tries)), signal);
    }
  }

  #aborted(): Failure {
    return unansweredFailure('aborted', this.closing.aborted ? 'The client was closed.' : undefined);
  }

  async #try<T>(
    { options = {}, timeoutMs }: CallSpec,
    signal: AbortSignal,
    correlationId: string,
    attempt: (context: TryContext) => Promise<Try<T>>,
  ): Promise<Try<T>> {
    const controller = new AbortController();
    const limit = options.timeoutMs ?? timeoutMs ?? this.#timeoutMs;
    let stop: (failure: Failure) => void = () => {};
    const stopped = new Promise<Try<T>>((resolve) => {
      stop = (failure) => {
        resolve({ failure });
        controller.abort();
      };
    });
    const timer = setTimeout(
      () => stop(unansweredFailure('timeout', `No answer within ${limit} ms.`)),
      limit,
    );
    const onAbort = (): void => stop(this.#aborted());
    signal.addEventListener('abort', onAbort);
    const traceId = /^[0-9a-f]{32}$/.test(correlationId) ? correlationId : createTraceId();
    const headers = { 'x-correlation-id': correlationId, traceparent: traceparent(traceId) };
    const sent = attempt({ signal: controller.signal, headers }).catch(
      (error: unknown): Try<T> => ({ failure: unansweredFailure('network', networkMessage(error)) }),
    );
    try {
      // Not every request can be stopped (a token refresh, an upload), so a stop also ends the waiting.
      return await Promise.race([stopped, sent]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }
}

interface RestAnswer {
  data: unknown;
  error: { code?: string | null; message?: string; details?: unknown; hint?: string | null } | null;
  status: number;
}

/** As much of a PostgREST request as is used here. */
export interface RestRequest extends PromiseLike<RestAnswer> {
  setHeader(name: string, value: string): RestRequest;
  abortSignal(signal: AbortSignal): RestRequest;
  retry(enabled: boolean): RestRequest;
}

function withHeaders(request: RestRequest, headers: Record<string, string>): RestRequest {
  let result = request;
  for (const [name, value] of Object.entries(headers)) result = result.setHeader(name, value);
  return result;
}

function keyOf(options: CommandOptions | undefined): string {
  const key = options?.idempotencyKey ?? createIdempotencyKey();
  if (!uuidForm.test(key)) throw new TypeError(`idempotencyKey must be a UUID, not "${key}"`);
  return key;
}

function networkMessage(error: unknown): string {
  const cause = error instanceof Error && 'context' in error ? error.context : error;
  const said = cause instanceof Error ? cause.message : String(cause);
  return `${errorText({ code: 'network' }, 'en')} (${said})`;
}
