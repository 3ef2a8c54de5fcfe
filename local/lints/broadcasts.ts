import pg from 'pg';

export interface BroadcastProblem {
  event: string;
  problem: string;
}

/** `user:… notification` for each call in a body that broadcasts; null for one whose event cannot be read. */
export function broadcastsIn(body: string): (string | null)[] {
  const code = body.replaceAll(/--[^\n]*/g, ' ');
  const calls = code.match(/\bprivate\.broadcast(_to_users)?\(/g)?.length ?? 0;
  const read = [...code.matchAll(/\bprivate\.broadcast\(\s*'([\w:]+)'\s*\|\|[^,]+,\s*'(\w+)'/g)];
  const toUsers = [...code.matchAll(/\bprivate\.broadcast_to_users\(\s*'(\w+)'/g)];
  const named = [
    ...read.map(([, topic = '', event = '']) => `${topic}… ${event}`),
    ...toUsers.map(([, event = '']) => `user:… ${event}`),
  ];
  return [...named, ...Array<null>(calls - named.length).fill(null)];
}

/** private.broadcasts says what is broadcast, for docs/api.md: nothing more, and nothing less. */
export async function checkBroadcasts(url: string): Promise<BroadcastProblem[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const functions = await client.query<{ name: string; body: string }>(`
      select proname as name, prosrc as body from pg_catalog.pg_proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace)`);
    const rows = await client.query<{ topic: string; event: string }>(
      'select topic, event from private.broadcasts',
    );
    const registered = rows.rows.map(({ topic, event }) => `${topic.replace(/\{.*/, '')}… ${event}`);
    const sent = functions.rows.flatMap(({ name, body }) =>
      broadcastsIn(body).map((event) => event ?? `${name}: topic and event must be literals`),
    );
    return [
      ...sent
        .filter((event) => !registered.includes(event))
        .map((event) => ({ event, problem: 'is sent and has no row in private.broadcasts' })),
      ...registered
        .filter((event) => !sent.includes(event))
        .map((event) => ({ event, problem: 'has a row in private.broadcasts and is never sent' })),
    ];
  } finally {
    await client.end();
  }
}
