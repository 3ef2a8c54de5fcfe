import { spawn } from 'node:child_process';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Vehicle, WebhookEndpointWithSecret } from '../../sdk/src/index.ts';
import { freePort } from '../support/free-port.ts';
import {
  admin,
  closeSql,
  eventually,
  invariantViolations,
  listing,
  ok,
  type Person,
  paidBooking,
  period,
  person,
  refusal,
  renter,
  stepUp,
} from '../support/world.ts';

interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
  event: { id: string; type: string; data: Record<string, unknown> };
}

let host: Person;
let guest: Person;
let car: Vehicle;
let server: Server;
let received: Received[] = [];
/** What the server answers at a path, first to last; 204 when nothing is left. */
const answers = new Map<string, number[]>();

beforeAll(async () => {
  const reviewer = await admin();
  [host, guest] = await Promise.all([person('host'), renter(reviewer)]);
  car = await listing(host, reviewer);
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = request.url ?? '';
    const headers = request.headers as IncomingHttpHeaders as Record<string, string>;
    received.push({ path, headers, body, event: JSON.parse(body) });
    response.writeHead(answers.get(path)?.shift() ?? 204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await closeSql();
});

const at = (path: string): Received[] => received.filter((one) => one.path === path);

async function endpoint(path: string, eventTypes: string[]): Promise<WebhookEndpointWithSecret> {
  await stepUp(host);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  return ok(host.journey.webhooks.create({ name: `Fleet ${path}`, url, eventTypes }));
}

describe('a webhook endpoint of a host', () => {
  it('gets the events that it asked for, once each and signed, and shows what became of them', async () => {
    const { id, secret } = await endpoint('/trips', ['booking.hold', 'booking.confirm']);
    const booking = await paidBooking(guest, car, period(30, 10));
    await eventually(async () => (at('/trips').length >= 2 ? true : null));
    const events = at('/trips').map(({ event }) => event);
    expect(events.map(({ type }) => type).sort()).toEqual(['booking.confirm', 'booking.hold']);
    for (const { headers, body, event } of at('/trips')) {
      expect(new Webhook(secret ?? '').verify(body, headers)).toEqual(event);
      expect(headers['webhook-id']).toBe(event.id);
      expect(event.data).toMatchObject({
        id: booking.id,
        code: booking.code,
        total_amount: booking.total_amount,
      });
    }
    const page = await eventually(async () => {
      const { rows } = await ok(
        host.journey.webhooks.deliveries({ endpointId: id, statuses: ['delivered'] }),
      );
      return rows.length === 2 ? rows : null;
    });
    expect(page.map((one) => [one.id, one.http_status, one.attempts])).toEqual(
      expect.arrayContaining(events.map((event) => [event.id, 204, 1])),
    );
    expect(await refusal(guest.journey.webhooks.deliveries({ endpointId: id }))).toBe(
      'webhook_endpoint_not_found',
    );
    await ok(host.journey.webhooks.delete(id));
    expect((await ok(host.journey.webhooks.list())).map((one) => one.id)).not.toContain(id);
  });

  it('gets an event again, with the same id, until its server accepts it', async () => {
    const { id } = await endpoint('/busy', ['booking.cancel']);
    answers.set('/busy', [503]);
    const test = await ok(host.journey.webhooks.sendTest(id));
    await eventually(async () => (at('/busy').length >= 2 ? true : null));
    expect(at('/busy').map(({ event }) => event.id)).toEqual([test, test]);
    const [delivery] = await eventually(async () => {
      const { rows } = await ok(
        host.journey.webhooks.deliveries({ endpointId: id, statuses: ['delivered'] }),
      );
      return rows.length > 0 ? rows : null;
    });
    expect(delivery).toMatchObject({ id: test, type: 'test', attempts: 2, http_status: 204, problem: null });
    expect(await invariantViolations(id, test)).toEqual([]);
  });

  it('gets what it missed while it was off when its owner asks, and keeps its secret through a change of it', async () => {
    const { id, secret } = await endpoint('/missed', ['*']);
    expect((await ok(host.journey.webhooks.update(id, { enabled: false }))).disabled_reason).toBe('owner');
    const since = new Date(Date.now() - 60_000);
    const booking = await paidBooking(guest, car, period(50, 10));
    expect(await refusal(host.journey.webhooks.sendTest(id))).toBe('webhook_endpoint_disabled');
    const held = await ok(host.journey.webhooks.deliveries({ endpointId: id, statuses: ['held'] }));
    expect(held.rows.map(({ type }) => type).sort()).toEqual(['booking.confirm', 'booking.hold']);
    expect(at('/missed')).toEqual([]);

    await ok(host.journey.webhooks.update(id, { enabled: true }));
    await stepUp(host);
    const { secret: newer } = await ok(host.journey.webhooks.rotateSecret(id));
    expect(await ok(host.journey.webhooks.resendAll({ endpointId: id, since }))).toEqual({
      queued: 2,
      more: false,
    });
    await eventually(async () => (at('/missed').length >= 2 ? true : null));
    expect(new Set(at('/missed').map(({ event }) => event.id))).toEqual(
      new Set(held.rows.map((row) => row.id)),
    );
    for (const { headers, body, event } of at('/missed')) {
      for (const one of [secret, newer]) expect(new Webhook(one ?? '').verify(body, headers)).toEqual(event);
      expect(event.data.id).toBe(booking.id);
    }
  });

  it('is refused without a step-up code, at an address that is not https, and for types of others', async () => {
    const fresh = await person('fresh');
    const input = { name: 'Fleet', url: 'https://fleet.example.com/', eventTypes: ['booking.confirm'] };
    expect(await refusal(fresh.journey.webhooks.create(input))).toBe('step_up_required');
    await stepUp(fresh);
    expect(await refusal(fresh.journey.webhooks.create({ ...input, url: 'ftp://fleet.example.com' }))).toBe(
      'invalid_input',
    );
    expect(await refusal(fresh.journey.webhooks.create({ ...input, eventTypes: ['payment.succeed'] }))).toBe(
      'invalid_input',
    );
    expect(await refusal(fresh.journey.webhooks.create({ ...input, owner: 'platform' }))).toBe('forbidden');
    expect(
      (await ok(fresh.journey.webhooks.eventTypes())).find(({ type }) => type === 'booking.cancel'),
    ).toEqual({
      type: 'booking.cancel',
      status: 'cancelled',
    });
  });
});

describe('the example of a receiver', () => {
  it('prints a genuine event once, and refuses any other', async () => {
    const port = await freePort();
    await stepUp(host);
    const url = `http://127.0.0.1:${port}/`;
    const { id, secret } = await ok(
      host.journey.webhooks.create({ name: 'Example', url, eventTypes: ['*'] }),
    );
    const child = spawn(process.execPath, ['examples/webhook-receiver.ts', String(port)], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, WEBHOOK_SECRET: secret ?? '' },
    });
    let said = '';
    for (const out of [child.stdout, child.stderr]) out.on('data', (text) => (said += text));
    try {
      await eventually(async () => (said.includes('Listening') ? true : null));
      const test = await ok(host.journey.webhooks.sendTest(id));
      await eventually(async () => (said.includes(' test {') ? true : null));
      await eventually(async () => {
        const { rows } = await ok(
          host.journey.webhooks.deliveries({ endpointId: id, statuses: ['delivered'] }),
        );
        return rows.length === 1 ? true : null;
      });
      await ok(host.journey.webhooks.resend(test));
      await eventually(async () => {
        const { rows } = await ok(
          host.journey.webhooks.deliveries({ endpointId: id, statuses: ['delivered'] }),
        );
        return rows.length === 1 ? true : null;
      });
      expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(400);
      expect(said.match(/ test \{/g)).toHaveLength(1);
    } finally {
      child.kill();
      await ok(host.journey.webhooks.delete(id));
    }
  });
});

describe('a webhook endpoint of the platform', () => {
  it('gets the events of everybody when an admin creates it', async () => {
    const boss = await admin();
    await stepUp(boss);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/relay`;
    const relay = await ok(
      boss.journey.webhooks.create({
        name: 'Relay',
        url,
        eventTypes: ['payment.succeed'],
        owner: 'platform',
      }),
    );
    const booking = await paidBooking(guest, car, period(70, 10));
    const mine = () => at('/relay').filter(({ event }) => event.data.payable_id === booking.id);
    await eventually(async () => (mine().length > 0 ? true : null));
    expect(mine().map(({ event }) => event.data)).toMatchObject([
      { status: 'succeeded', amount: booking.total_amount, currency: booking.currency },
    ]);
    expect((await ok(boss.journey.webhooks.list({ owner: 'platform' }))).map(({ id }) => id)).toContain(
      relay.id,
    );
    await ok(boss.journey.webhooks.delete(relay.id));
    received = received.filter(({ path }) => path !== '/relay');
  });
});
