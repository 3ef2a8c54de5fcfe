import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createJourney, type Journey } from '../../sdk/src/index.ts';

/** A request as the server saw it. */
export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  raw: Buffer;
}

/** What to answer; `drop` cuts the connection, `hang` never answers. */
export type Answer =
  | { status: number; body?: unknown; headers?: Record<string, string>; delayMs?: number }
  | 'drop'
  | 'hang';

export interface FakeApi {
  journey: Journey;
  url: string;
  /** All requests but those to Auth, in order. */
  seen: SeenRequest[];
  /** Answers in order; the last one stays. */
  answer(...answers: Answer[]): void;
  /** Decides by request instead. */
  route(choose: (request: SeenRequest) => Answer): void;
  close(): Promise<void>;
}

/** An HTTP server that speaks as the platform does, and a client that talks to it. */
export async function startFakeApi(options: { timeoutMs?: number; retries?: number } = {}): Promise<FakeApi> {
  const seen: SeenRequest[] = [];
  let choose: (request: SeenRequest) => Answer = () => ({ status: 500 });
  const hanging = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      let body: Record<string, unknown> = {};
      try {
        body = JSON.parse(raw.toString()) as Record<string, unknown>;
      } catch {
        // not JSON: an upload
      }
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body, raw };
      seen.push(one);
      const answer = choose(one);
      if (answer === 'drop') return request.socket.destroy();
      if (answer === 'hang') return void hanging.add(response);
      setTimeout(() => {
        response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
        response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
      }, answer.delayMs ?? 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const journey = createJourney({
    url,
    publishableKey: 'sb_publishable_test',
    auth: { persistSession: false, autoRefreshToken: false },
    timeoutMs: options.timeoutMs ?? 60_000,
    retry: { retries: options.retries ?? 3, baseDelayMs: 5, maxDelayMs: 20, maxRetryAfterMs: 900_000 },
  });
  return {
    journey,
    url,
    seen,
    answer(...answers) {
      const rest = [...answers];
      choose = () => (rest.length > 1 ? rest.shift() : rest[0]) ?? { status: 500 };
    },
    route(next) {
      choose = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A refusal of a command as PostgREST tells it. */
export function refusal(status: number, code: string, details: Record<string, unknown> = {}): Answer {
  const body = {
    code: `PT${status}`,
    message: `said ${code}`,
    details: JSON.stringify({ code, ...details }),
    hint: null,
  };
  return { status, body };
}

/** A refusal of an edge function. */
export function functionRefusal(
  status: number,
  code: string,
  more: { details?: Record<string, unknown>; headers?: Record<string, string>; correlationId?: string } = {},
): Answer {
  const error = {
    code,
    message: `said ${code}`,
    status,
    retryable: false,
    details: more.details ?? {},
    correlation_id: more.correlationId ?? 'from-the-server',
  };
  return { status, body: { error }, headers: more.headers };
}
