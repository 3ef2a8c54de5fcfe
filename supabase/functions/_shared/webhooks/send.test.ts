import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { webhookSender } from './send.ts';

const current = `whsec_${btoa('the current secret of an endpoint')}`;
const former = `whsec_${btoa('the former secret of an endpoint')}`;
const body = JSON.stringify({ id: 'e1', type: 'booking.confirm', data: { note: 'Đã xác nhận' } });
const now = Date.now();

describe('the sender of webhooks', () => {
  let server: Server;
  let asked: { path: string; headers: IncomingHttpHeaders; body: string }[] = [];
  let port = 0;

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const path = request.url ?? '';
      asked.push({ path, headers: request.headers, body: text });
      if (path === '/moved') response.writeHead(307, { location: '/hooks' }).end();
      else if (path === '/cut') request.socket.destroy();
      else if (path === '/endless') response.writeHead(200).write('x'.repeat(100_000));
      else response.writeHead(Number(path.slice(1)) || 200).end('inside');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  // the name leads to a public address, and the request to the server of this test
  const network = {
    resolve: async (name: string) =>
      ({ 'fleet.example': ['93.184.215.14'], 'inside.example': ['93.184.215.14', '169.254.169.254'] })[
        name
      ] ?? [],
    fetch: (address: URL | RequestInfo, init?: RequestInit) =>
      fetch(`http://127.0.0.1:${port}${new URL(String(address)).pathname}`, init),
  };
  const send = (url: string, secrets = [current], allowsLocal = false) => {
    asked = [];
    const sender = webhookSender(
      { ...network, allowsLocal, fetch: allowsLocal ? fetch : network.fetch },
      () => now,
    );
    return sender({ url, id: 'e1', body, secrets });
  };

  it('signs each event so that the package of Standard Webhooks verifies it', async () => {
    expect(await send('https://fleet.example/hooks')).toEqual({ kind: 'delivered', http_status: 200 });
    const [one] = asked;
    expect(new Webhook(current).verify(one?.body ?? '', one?.headers as Record<string, string>)).toEqual(
      JSON.parse(body),
    );
    expect(() =>
      new Webhook(former).verify(one?.body ?? '', one?.headers as Record<string, string>),
    ).toThrow();
    expect(one?.headers).toMatchObject({ 'webhook-id': 'e1', 'content-type': 'application/json' });
    expect(one?.headers).not.toHaveProperty('authorization');
  });

  it('signs with both secrets while one is being changed', async () => {
    await send('https://fleet.example/hooks', [current, former]);
    const [one] = asked;
    for (const secret of [current, former]) {
      expect(
        new Webhook(secret).verify(one?.body ?? '', one?.headers as Record<string, string>),
      ).toBeTruthy();
    }
  });

  it('takes every answer but 2xx for a failure, follows no redirect, and reads no answer', async () => {
    expect(await send('https://fleet.example/204')).toEqual({ kind: 'delivered', http_status: 204 });
    for (const status of [400, 410, 429, 500]) {
      expect(await send(`https://fleet.example/${status}`)).toEqual({
        kind: 'failed',
        http_status: status,
        problem: `its server answered ${status}`,
      });
    }
    expect(await send('https://fleet.example/moved')).toMatchObject({ kind: 'failed', http_status: 307 });
    expect(asked.map(({ path }) => path)).toEqual(['/moved']);
    expect(await send('https://fleet.example/endless')).toMatchObject({ kind: 'delivered' });
    expect(await send('https://fleet.example/cut')).toEqual({
      kind: 'failed',
      http_status: null,
      problem: 'its server could not be reached',
    });
  });

  it('asks nothing of an address that is not https, named and public', async () => {
    for (const url of [
      'http://fleet.example/hooks',
      'https://inside.example/hooks',
      'https://127.0.0.1/hooks',
      'https://2130706433/hooks',
      'https://[::1]/hooks',
      'https://fleet.example:8443/hooks',
      'https://me:secret@fleet.example/hooks',
      'https://nowhere.example/hooks',
      'http://localhost/hooks',
      'nonsense',
    ]) {
      expect([url, (await send(url)).kind, asked]).toEqual([url, 'failed', []]);
    }
  });

  it('sends to this machine over http in the local stack alone', async () => {
    expect(await send(`http://127.0.0.1:${port}/hooks`, [current], true)).toMatchObject({
      kind: 'delivered',
    });
    expect(await send(`http://127.0.0.1:${port}/hooks`)).toMatchObject({ kind: 'failed', http_status: null });
    expect(await send('http://169.254.169.254/latest', [current], true)).toMatchObject({ kind: 'failed' });
  });
});
