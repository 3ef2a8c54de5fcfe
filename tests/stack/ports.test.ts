import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { requireFreePort } from '../../local/ports.ts';
import { freePort } from '../support/free-port.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(port = 0): Promise<number> {
  const server = createServer((socket) => socket.resume().on('error', () => {}));
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** An outgoing connection, and the port that the system gave it. */
async function outgoing(): Promise<{ socket: Socket; port: number }> {
  const socket = connect(await listen(), '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return { socket, port: socket.localPort ?? 0 };
}

describe('a port of the stack', () => {
  it('is accepted when it is free', async () => {
    await expect(requireFreePort(await freePort(), 'API')).resolves.toBeUndefined();
  });

  it('is refused when a program listens there, with the way to find it', async () => {
    const port = await listen();
    const refused = requireFreePort(port, 'API', { listenerMs: 0 });
    await expect(refused).rejects.toThrow(`Port ${port} (API) is in use by another program.`);
    await expect(refused).rejects.toMatchObject({ advice: expect.stringContaining(`ss -ltnp`) });
  });

  it('is not called a program when a connection that has ended left it in TIME-WAIT', async () => {
    const { socket, port } = await outgoing();
    socket.end();
    await once(socket, 'close');
    const refused = requireFreePort(port, 'API', { listenerMs: 0, connectionMs: 0 });
    await expect(refused).rejects.toThrow(
      `Port ${port} (API) belongs to an outgoing connection; no program listens there.`,
    );
  });

  it('is waited for when an outgoing connection has it, and the person is told', async () => {
    const { socket, port } = await outgoing();
    const said: string[] = [];
    const waiting = requireFreePort(port, 'API', {
      listenerMs: 0,
      // It ends the connection without a TIME-WAIT, so that the test need not last a minute.
      tell: (text) => said.push(text) && socket.resetAndDestroy(),
    });
    await expect(waiting).resolves.toBeUndefined();
    expect(said).toEqual([
      `… wait for port ${port} (API), which an outgoing connection used; at most a minute`,
    ]);
  });
});
