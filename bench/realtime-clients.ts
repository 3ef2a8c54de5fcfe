import { WebSocket } from 'ws';
import type { CallerKeys } from '../local/gateway/caller.ts';
import { quantile } from './report.ts';
import { userToken } from './tokens.ts';

/** What the bench tells the process of the clients. */
export type ClientOrder =
  | { connect: number; port: number; join?: { topic: string; keys: CallerKeys; userIds: string[] } }
  | { expect: number }
  | { judge: number[] };

/** Latencies in milliseconds of what was received, and how long the receiving took in all. */
export interface Received {
  deliveries: number;
  p50: number;
  p95: number;
  p99: number;
  /** From the first sending to the last receipt, in seconds. */
  seconds: number;
}

/** A clock that the processes of one machine share, in milliseconds. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

const sockets: WebSocket[] = [];
/** Of each receipt the number of its message, and when. */
let numbers: number[] = [];
let times: number[] = [];
let expected = 0;

function receive(text: string): void {
  const found = /"last_change": ?(\d+)/.exec(text);
  if (!found) return;
  numbers.push(Number(found[1]));
  times.push(now());
  if (numbers.length === expected) process.send?.({ done: true });
}

async function connect(order: Extract<ClientOrder, { connect: number }>, i: number): Promise<void> {
  const { join } = order;
  const path = join ? `/realtime/v1/websocket?apikey=${join.keys.publishableKey}&vsn=2.0.0` : '/';
  const socket = new WebSocket(`ws://127.0.0.1:${order.port}${path}`, { perMessageDeflate: false });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', (code, reason) => reject(new Error(`closed with ${code}: ${reason}`)));
    socket.on('message', (data) => {
      const text = data.toString();
      if (join && text.includes('"phx_reply"')) {
        if (text.includes('"status":"ok"')) resolve();
        else reject(new Error(text));
      } else receive(text);
    });
    socket.on('open', () => {
      if (!join) return resolve();
      void userToken(join.keys.jwtSecret, join.userIds[i % join.userIds.length] ?? '').then(
        (access_token) => {
          const config = {
            private: true,
            broadcast: { ack: false, self: false },
            presence: { enabled: false },
          };
          socket.send(
            JSON.stringify(['1', '1', `realtime:${join.topic}`, 'phx_join', { config, access_token }]),
          );
        },
      );
    });
  });
}

function judge(sentAt: number[]): Received {
  const latencies = numbers.map((number, i) => (times[i] ?? Number.NaN) - (sentAt[number] ?? Number.NaN));
  const last = times.reduce((a, b) => Math.max(a, b), 0);
  return {
    deliveries: numbers.length,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    p99: quantile(latencies, 0.99),
    seconds: (last - Math.min(...sentAt)) / 1000,
  };
}

async function obey(order: ClientOrder): Promise<unknown> {
  if ('connect' in order) {
    // Not all in one moment: the queue of a listening socket is short.
    for (let i = 0; i < order.connect; i += 50) {
      const some = Array.from({ length: Math.min(50, order.connect - i) }, (_, j) => connect(order, i + j));
      await Promise.all(some);
    }
    return { connected: order.connect };
  }
  if ('expect' in order) {
    [numbers, times, expected] = [[], [], order.expect];
    return { ready: true };
  }
  return { received: judge(order.judge) };
}

process.on('message', (order: ClientOrder) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ failed: String(error) }),
  );
});
