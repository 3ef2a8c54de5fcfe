import type { z } from 'zod';
import { readJson } from './body.ts';
import { parseInput } from './contracts/parse.ts';
import { AppError, appError } from './errors.ts';
import type { ErrorCode } from './generated/error-codes.ts';
import { sameSecret } from './secrets.ts';
import { type Trace, traceOf } from './trace.ts';

type Auth = 'user' | 'secret' | 'api_key' | 'none';
type Method = 'GET' | 'HEAD' | 'POST' | 'DELETE';

/** A signed-in person, as the platform verified them. */
export interface User {
  id: string;
  /** The token itself, for calling the database as this person. */
  token: string;
  /** The session that the token belongs to. */
  sessionId?: string;
}

/** What the wrapper needs from outside. */
export interface HttpDeps {
  /** The person of a token, or null when the token is not valid. Throws when that cannot be found out. */
  verifyUser(token: string): Promise<User | null>;
  /** A caller with one of these keys is the service itself. */
  secretKeys: readonly string[];
  /** Takes one log line. */
  log(line: Record<string, unknown>): void;
}

interface BaseContext {
  request: Request;
  url: URL;
  /** Parts of the path that the endpoint named with a colon. */
  params: Record<string, string>;
  trace: Trace;
  /** Adds to the log line of this request. DO NOT put secrets or personal data here. */
  note(facts: Record<string, unknown>): void;
}

/** What an endpoint receives. `user` is set exactly when the endpoint asked for one. */
export interface Context<Body = undefined> extends BaseContext {
  body: Body;
  user: User;
}

interface EndpointOf<Body> {
  methods: readonly Method[];
  /** Below the name of the function, for example `/start` or `/:provider`. */
  path: string;
  /** Who may call: a signed-in user, the service with its secret key, a partner with a key that `run` checks, or anybody. */
  auth: Auth;
  /** Contract of the JSON body. Without it, the body is not read. */
  body?: z.ZodType<Body>;
  maxBytes?: number;
  /** For the API reference: its errors besides those of its body and of the commands that it calls. */
  errors?: readonly ErrorCode[];
  /** Answers with a Response, or with a value that is sent as JSON. */
  run(context: Context<Body>): Promise<unknown>;
}

/** An endpoint whose body type has been checked against its `run`. */
export interface Endpoint {
  methods: readonly Method[];
  path: string;
  auth: Auth;
  answer(context: Omit<Context, 'body'>): Promise<unknown>;
}

/** Binds the body contract of an endpoint to its handler. */
export function endpoint<Body = undefined>(definition: EndpointOf<Body>): Endpoint {
  const { methods, path, auth, body: schema, maxBytes, run } = definition;
  return {
    methods,
    path,
    auth,
    async answer(context) {
      if (!schema) return run({ ...context, body: undefined as Body });
      const { data, problem } = parseInput(schema, await readJson(context.request, maxBytes));
      if (problem) throw appError(problem.code, { field: problem.field, problem: problem.problem });
      return run({ ...context, body: data });
    },
  };
}

const corsHeaders = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
  'access-control-allow-headers':
    'authorization, apikey, content-type, x-client-info, x-correlation-id, traceparent, tracestate',
  'access-control-expose-headers': 'x-correlation-id, retry-after',
  'access-control-max-age': '86400',
};

// What a browser may do with an answer, unless its endpoint says otherwise: nothing but show it to who asked.
const safeHeaders = {
  'cache-control': 'private, no-store',
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The error body every function answers with. */
export function errorResponse(error: AppError, trace: Trace): Response {
  const { code, message, status, retryable, details } = error;
  const wait = details.retry_after;
  return Response.json(
    { error: { code, message, status, retryable, details, correlation_id: trace.correlationId } },
    { status, headers: typeof wait === 'number' ? { 'retry-after': String(Math.ceil(wait)) } : {} },
  );
}

function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/').filter(Boolean);
  const given = path.split('/').filter(Boolean);
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = value;
    else if (part !== value) return null;
  }
  return params;
}

// The platform strips /functions/v1; other servers may not.
function pathBelow(name: string, url: URL): string {
  return url.pathname.replace(/^\/functions\/v1(?=\/)/, '').replace(new RegExp(`^/${name}(?=/|$)`), '');
}

const nobody: User = { id: '', token: '' };

async function authenticate(auth: Endpoint['auth'], request: Request, deps: HttpDeps): Promise<User> {
  if (auth === 'none' || auth === 'api_key') return nobody;
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
  if (auth === 'secret') {
    const key = request.headers.get('apikey') ?? bearer;
    const matches = await Promise.all(
      deps.secretKeys.map((secret) => secret !== '' && sameSecret(key, secret)),
    );
    if (matches.includes(true)) return nobody;
    throw appError(key === '' ? 'unauthenticated' : 'forbidden');
  }
  // an API key in place of a token says which app calls, not which person
  if (bearer === '' || bearer.startsWith('sb_')) throw appError('unauthenticated');
  const user = await deps.verifyUser(bearer);
  if (!user) throw appError('unauthenticated', { problem: 'the token is invalid or expired' });
  return user;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} <- ${describe(error.cause)}`;
}

/** A log line without API keys, which a client may have put where no secret belongs. */
function withoutKeys(line: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(line).replaceAll(/jk_live_[0-9a-z_]*/gi, 'jk_live_…');
  return JSON.parse(text) as Record<string, unknown>;
}

/**
 * Makes one function of its endpoints. Only this function knows CORS, methods, authentication, headers for browsers and
 * traces, the shape of errors and the log line.
 */
export function serveEndpoints(
  name: string,
  endpoints: readonly Endpoint[],
  deps: HttpDeps,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const startedAt = performance.now();
    const trace = traceOf(request.headers);
    const url = new URL(request.url);
    const path = pathBelow(name, url);
    const notes: Record<string, unknown> = {};

    const answer = async (): Promise<Response> => {
      if (request.method === 'OPTIONS') return new Response(null, { status: 204 });
      const matches = endpoints
        .map((candidate) => ({ candidate, params: matchPath(candidate.path, path) }))
        .filter((match) => match.params !== null);
      if (matches.length === 0) throw appError('not_found', { path });
      const found = matches.find(({ candidate }) =>
        candidate.methods.some((method) => method === request.method),
      );
      if (!found) {
        const allowed = [...new Set(matches.flatMap(({ candidate }) => candidate.methods))];
        const refused = errorResponse(appError('method_not_allowed', { allowed }), trace);
        refused.headers.set('allow', allowed.join(', '));
        return refused;
      }
      const user = await authenticate(found.candidate.auth, request, deps);
      if (user !== nobody) notes.user_id = user.id;
      const note = (facts: Record<string, unknown>): void => void Object.assign(notes, facts);
      const result = await found.candidate.answer({
        request,
        url,
        params: found.params ?? {},
        trace,
        user,
        note,
      });
      return result instanceof Response ? result : Response.json(result);
    };

    let response: Response;
    try {
      response = await answer();
    } catch (thrown) {
      const error = thrown instanceof AppError ? thrown : appError('internal', {}, thrown);
      notes.code = error.code;
      if (error.cause !== undefined) notes.error = describe(error.cause);
      response = errorResponse(error, trace);
    }
    for (const [header, value] of Object.entries(corsHeaders)) response.headers.set(header, value);
    for (const [header, value] of Object.entries(safeHeaders)) {
      if (!response.headers.has(header)) response.headers.set(header, value);
    }
    response.headers.set('x-correlation-id', trace.correlationId);
    deps.log(
      withoutKeys({
        level: response.status >= 500 ? 'error' : 'info',
        function: name,
        method: request.method,
        path: path === '' ? '/' : path,
        status: response.status,
        ms: Math.round(performance.now() - startedAt),
        correlation_id: trace.correlationId,
        trace_id: trace.traceId,
        ...notes,
      }),
    );
    return response;
  };
}
