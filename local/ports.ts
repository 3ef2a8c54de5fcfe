import { createServer } from 'node:net';
import type { StackConfig } from './config.ts';
import { StackError } from './errors.ts';
import { waitUntil } from './process.ts';

/** Whether nothing listens on a loopback port. */
function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** The error that names a port in use, and how to use another one. */
export function portTaken(port: number, purpose: string): StackError {
  return new StackError(
    `Port ${port} (${purpose}) is in use by another program.`,
    `Stop that program (find it with: ss -ltnp 'sport = :${port}'), or use other ports:\n  JOURNEY_PORT_BASE=61000 npm start`,
  );
}

// the system may use the port for an outgoing connection, or the process of a killed stack is about to end
const patienceMs = 3000;

/** Refuses a port that is in use and stays so. */
export async function requireFreePort(port: number, purpose: string): Promise<void> {
  if (!(await waitUntil(() => isPortFree(port), patienceMs))) throw portTaken(port, purpose);
}

/** Refuses to start when any port of the stack, except those in `ours`, is in use. */
export async function requireFreePorts(config: StackConfig, ours: readonly number[] = []): Promise<void> {
  const purposes: [keyof StackConfig['ports'], string][] = [
    ['api', 'API'],
    ['db', 'database'],
    ['mail', 'mail'],
    ['sandbox', 'payment sandbox'],
    ['functions', 'edge functions'],
  ];
  for (const [key, purpose] of purposes) {
    const port = config.ports[key];
    if (!ours.includes(port)) await requireFreePort(port, purpose);
  }
}
