import { describe, expect, it } from 'vitest';
import { fakeOutside } from '../../../tests/support/fakes.ts';
import { handle, metricsText } from './handler.ts';

const token = 'a-token-of-the-monitoring';
const rows = [
  {
    name: 'journey_outbox_rows',
    kind: 'gauge',
    help: 'Rows.',
    labels: { topic: 'email', status: 'dead' },
    value: 2,
  },
  { name: 'journey_database_bytes', kind: 'gauge', help: 'Size.', labels: {}, value: 12345678901 },
  {
    name: 'journey_outbox_rows',
    kind: 'gauge',
    help: 'Rows.',
    labels: { topic: 'push', status: 'pending' },
    value: 0.5,
  },
];

const ask = async (headers: Record<string, string>, metricsToken: string | null = token) => {
  const { deps } = fakeOutside({ metrics: () => rows });
  const answer = await handle({ ...deps, metricsToken })(
    new Request('http://x/functions/v1/metrics', { headers }),
  );
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
};

describe('GET /metrics', () => {
  it('answers the text format of Prometheus, each metric once', async () => {
    const { status, type, text } = await ask({ authorization: `Bearer ${token}` });
    expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toBe(
      [
        '# HELP journey_outbox_rows Rows.',
        '# TYPE journey_outbox_rows gauge',
        'journey_outbox_rows{topic="email",status="dead"} 2',
        'journey_outbox_rows{topic="push",status="pending"} 0.5',
        '# HELP journey_database_bytes Size.',
        '# TYPE journey_database_bytes gauge',
        'journey_database_bytes 12345678901',
        '',
      ].join('\n'),
    );
  });

  it('is for the service and who has the token, and for nobody else', async () => {
    const { deps } = fakeOutside({});
    expect((await ask({ apikey: deps.http.secretKeys[0] ?? '' })).status).toBe(200);
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: 'Bearer another' })).status).toBe(403);
    expect((await ask({ authorization: `Bearer ${token}` }, null)).status).toBe(403);
  });

  it('escapes what would end a label or a line', () => {
    const labels = { topic: 'a"b\\c\nd' };
    expect(metricsText([{ name: 'x', kind: 'gauge', help: 'One\nline\\', labels, value: 1 }])).toBe(
      '# HELP x One\\nline\\\\\n# TYPE x gauge\nx{topic="a\\"b\\\\c\\nd"} 1\n',
    );
  });
});
