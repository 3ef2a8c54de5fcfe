import { connect, createServer } from 'node:net';
import type { StackConfig } from './config.ts';
import { StackError } from './errors.ts';
import type { Log } from './log.ts';
import { waitUntil } from './process.ts';

/** Whether nothing listens on a loopback port. */
function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Whether a program listens there. One that does not answer in time counts, too. */
function isListening(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: 1000 });
    const answer = (listens: boolean) => {
      socket.destroy();
      resolve(listens);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

const otherPorts = 'use other ports:\n  JOURNEY_PORT_BASE=61000 npm start';

/** The error that names a port in use, and how to use another one. */
export function portTaken(port: number, purpose: string): StackError {
  return new StackError(
    `Port ${port} (${purpose}) is in use by another program.`,
    `Stop that program (find it with: ss -ltnp 'sport = :${port}'), or ${otherPorts}`,
  );
}

/** The system may give a port to an outgoing connection, and keeps it for a minute after the connection has ended. */
function portConnected(port: number, purpose: string): StackError {
  return new StackError(
    `Port ${port} (${purpose}) belongs to an outgoing connection; no program listens there.`,
    `Wait until it has ended (see it with: ss -tanp 'sport = :${port}'), or ${otherPorts}`,
  );
}

export interface PortPatience {
  /** For a program that listens: it may be a stack that was killed and is about to end. */
  listenerMs: number;
  /** For an outgoing connection: 60 s after its end, the system takes the port back. */
  connectionMs: number;
  /** Is told that the start waits, and for what. */
  tell?(text: string): void;
}

const usual: PortPatience = { listenerMs: 3000, connectionMs: 65_000 };

/** Waits for a port that is about to become free, and refuses one that stays in use. */
export async function requireFreePort(
  port: number,
  purpose: string,
  patience: Partial<PortPatience> = {},
): Promise<void> {
  const { listenerMs, connectionMs, tell } = { ...usual, ...patience };
  if (await waitUntil(() => isPortFree(port), listenerMs)) return;
  if (await isListening(port)) throw portTaken(port, purpose);
  tell?.(`… wait for port ${port} (${purpose}), which an outgoing connection used; at most a minute`);
  let listens = false;
  const isFree = await waitUntil(async () => {
    if (await isPortFree(port)) return true;
    listens = await isListening(port);
    return listens;
  }, connectionMs);
  if (listens) throw portTaken(port, purpose);
  if (!isFree) throw portConnected(port, purpose);
}

/** Refuses to start when any port of the stack, except those in `ours`, is in use. */
export async function requireFreePorts(
  config: StackConfig,
  log: Log,
  ours: readonly number[] = [],
): Promise<void> {
  const purposes: [keyof StackConfig['ports'], string][] = [
    ['api', 'API'],
    ['db', 'database'],
    ['mail', 'mail'],
    ['sandbox', 'payment sandbox'],
    ['functions', 'edge functions'],
  ];
  for (const [key, purpose] of purposes) {
    const port = config.ports[key];
    if (!ours.includes(port)) await requireFreePort(port, purpose, { tell: log.info });
  }
}
