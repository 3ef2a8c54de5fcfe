// What the functions use of the platform's runtime. Only index.ts files and live.ts touch it.
declare const Deno: {
  serve(handler: (request: Request) => Response | Promise<Response>): unknown;
  resolveDns(name: string, type: 'A' | 'AAAA'): Promise<string[]>;
  env: { toObject(): Record<string, string> };
};
