/**
 * Runs under deno, as one process for all edge functions. Each `supabase/functions/<name>/index.ts` keeps its
 * own `Deno.serve`. Its handler is called for `/<name>/…`, the path that a function sees on the platform.
 */
type Handler = (request: Request, info?: unknown) => Response | Promise<Response>;

declare const Deno: {
  args: string[];
  serve: unknown;
  exit(code: number): never;
  stdin: { readable: AsyncIterable<Uint8Array> };
  readDir(path: string): AsyncIterable<{ name: string; isDirectory: boolean }>;
  stat(path: string): Promise<{ isFile: boolean }>;
};

type Serve = (
  options: { hostname: string; port: number; onListen: () => void },
  handler: Handler,
) => { finished: Promise<void> };

const [folder = '', portText = '0'] = Deno.args;
const serve = Deno.serve as Serve;

// The stack holds the other end. When the stack is gone, even by a kill, this process must end too.
void (async () => {
  for await (const _chunk of Deno.stdin.readable);
  Deno.exit(0);
})();

// Only the platform's runtime has it: work that continues after the response.
Object.assign(globalThis, {
  EdgeRuntime: {
    waitUntil(work: Promise<unknown>) {
      work.catch((error: unknown) => console.error('background work failed:', error));
    },
  },
});

const handlers = new Map<string, Handler>();
const broken = new Map<string, string>();

let registered: Handler | undefined;
Deno.serve = (...parts: unknown[]) => {
  const options = parts.find((part) => typeof part === 'object' && part !== null) as
    | { handler?: Handler }
    | undefined;
  registered = (parts.find((part) => typeof part === 'function') as Handler | undefined) ?? options?.handler;
  return { finished: new Promise<void>(() => {}), shutdown: async () => {}, ref() {}, unref() {} };
};

async function functionNames(): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (!entry.isDirectory || entry.name.startsWith('_')) continue;
      const file = await Deno.stat(`${folder}/${entry.name}/index.ts`).catch(() => null);
      if (file?.isFile) names.push(entry.name);
    }
  } catch {
    // No functions yet.
  }
  return names.sort();
}

// One after the other, to know which module each Deno.serve belongs to.
for (const name of await functionNames()) {
  registered = undefined;
  try {
    const module = (await import(`file://${folder}/${name}/index.ts`)) as { default?: { fetch?: Handler } };
    const handler = registered ?? module.default?.fetch;
    if (handler) handlers.set(name, handler);
    else broken.set(name, 'index.ts neither calls Deno.serve nor exports { fetch } by default');
  } catch (error) {
    broken.set(name, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const problem = broken.get(name);
  if (problem) console.error(`function ${name} did not start: ${problem}`);
}

function failure(status: number, code: string, message: string): Response {
  return Response.json(
    { code, message },
    { status, headers: { 'sb-error-code': code, 'access-control-allow-origin': '*' } },
  );
}

async function route(request: Request, info?: unknown): Promise<Response> {
  const name = new URL(request.url).pathname.split('/')[1] ?? '';
  if (name === '_state')
    return Response.json({ functions: [...handlers.keys()], broken: [...broken.keys()] });
  if (broken.has(name)) return failure(503, 'BOOT_ERROR', 'Function failed to start (please check logs)');
  const handler = handlers.get(name);
  if (!handler) return failure(404, 'NOT_FOUND', 'Requested function was not found');
  try {
    return await handler(request, info);
  } catch (error) {
    console.error(`function ${name} threw:`, error);
    return failure(500, 'WORKER_ERROR', 'Function exited due to an error (please check logs)');
  }
}

await serve({ hostname: '127.0.0.1', port: Number(portText), onListen: () => {} }, route).finished;
