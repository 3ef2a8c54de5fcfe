import { request } from 'node:http';

/**
 * A fetch that comes from another address of this machine: all of 127.0.0.0/8 is. Limits count per network, and a client
 * cannot choose its network by a header.
 */
export function fetchFrom(localAddress: string): typeof fetch {
  return async (input, init) => {
    const asked = new Request(input, init);
    const body = Buffer.from(await asked.arrayBuffer());
    return new Promise((resolve, reject) => {
      const sent = request(
        asked.url,
        { method: asked.method, localAddress, headers: Object.fromEntries(asked.headers), agent: false },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('error', reject);
          answer.on('end', () => {
            const headers = new Headers();
            for (const [name, value] of Object.entries(answer.headers))
              for (const one of [value ?? []].flat()) headers.append(name, one);
            const status = answer.statusCode ?? 0;
            const empty = status === 204 || status === 304;
            resolve(new Response(empty ? null : Buffer.concat(parts), { status, headers }));
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  };
}
