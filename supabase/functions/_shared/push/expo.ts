// Expo's push API, https://docs.expo.dev/push-notifications/sending-notifications. Expo takes a push and answers a ticket;
// what Apple or Google said of it is in the receipt of that ticket, some minutes later and for a day.
import { z } from 'zod';
import { type PushMessage, type PushReceipt, type PushResult, retryAfterSeconds } from './message.ts';

export const maxExpoBatch = 100;
/** As many as Expo's own library asks for at once. */
export const maxExpoReceipts = 300;
const gatherMs = 20;
const timeoutMs = 10_000;

const problem = z.looseObject({
  status: z.literal('error'),
  message: z.string().optional(),
  details: z.looseObject({ error: z.string().optional() }).optional(),
});
const tickets = z.looseObject({
  data: z.array(z.union([z.looseObject({ status: z.literal('ok'), id: z.string() }), problem])),
});
const receipts = z.looseObject({
  data: z.record(z.string(), z.union([z.looseObject({ status: z.literal('ok') }), problem])),
});
const failure = z.looseObject({
  errors: z.array(z.looseObject({ code: z.string().optional(), message: z.string().optional() })).min(1),
});

export interface ExpoSettings {
  apiUrl: string;
  /** Needed when the project at Expo has enhanced push security. */
  accessToken: string | undefined;
}

/** How a push is asked for. `badge` is for iOS, `channelId` and `tag` for Android, `collapseId` and `threadId` for iOS. */
export function expoMessage(token: string, message: PushMessage): Record<string, unknown> {
  const { title, body, data, badge, collapseId, category, urgency, ttlSeconds } = message;
  return {
    to: token,
    title,
    body,
    data,
    badge,
    sound: 'default',
    ttl: ttlSeconds,
    priority: urgency,
    channelId: category,
    threadId: category,
    collapseId,
    tag: collapseId,
  };
}

/** What an error of a ticket or a receipt means. */
function refusalOf({
  message = '',
  details,
}: z.infer<typeof problem>): Exclude<PushReceipt, { kind: 'delivered' }> {
  const error = details?.error ?? 'error without a code';
  // the message may repeat the token
  const reason =
    `Expo: ${error}: ${message.replaceAll(/Expo(nent)?PushToken\[[^\]]*\]/g, 'the token')}`.slice(0, 300);
  switch (error) {
    case 'DeviceNotRegistered':
      return { kind: 'gone', reason };
    case 'MessageRateExceeded':
    case 'ProviderError':
    case 'ExpoError':
      return { kind: 'retry', reason };
    default:
      return { kind: 'refused', reason };
  }
}

interface Waiting {
  message: Record<string, unknown>;
  settle(result: PushResult): void;
}

export interface Expo {
  send(token: string, message: PushMessage): Promise<PushResult>;
  receipts(ids: readonly string[]): Promise<ReadonlyMap<string, PushReceipt>>;
}

/** Pushes that are asked for at the same time go to Expo in one request. */
export function createExpo({ apiUrl, accessToken }: ExpoSettings, now: () => number): Expo {
  const ask = (path: string, body: unknown): Promise<Response> =>
    fetch(new URL(`/--/api/v2/push/${path}`, apiUrl), {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
      },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });

  const sendBatch = async (batch: Waiting[]): Promise<void> => {
    const settleAll = (result: PushResult): void => {
      for (const { settle } of batch) settle(result);
    };
    let response: Response;
    let answer: unknown;
    try {
      response = await ask(
        'send',
        batch.map(({ message }) => message),
      );
      answer = await response.json().catch(() => null);
    } catch (error) {
      return settleAll({ kind: 'retry', reason: `Expo cannot be reached: ${error}` });
    }
    const answered = tickets.safeParse(answer);
    if (response.ok && answered.success && answered.data.data.length === batch.length) {
      for (const [i, ticket] of answered.data.data.entries()) {
        batch[i]?.settle(ticket.status === 'ok' ? { kind: 'sent', id: ticket.id } : refusalOf(ticket));
      }
      return;
    }
    const { status } = response;
    const first = failure.safeParse(answer).data?.errors[0];
    const reason = `Expo answered ${status} ${first?.code ?? ''} ${first?.message ?? ''}`.slice(0, 300);
    if (status === 429) {
      const seconds = retryAfterSeconds(response.headers.get('retry-after'), now());
      return settleAll({ kind: 'wait', seconds, reason });
    }
    if (status === 401 || status === 403) {
      return settleAll({ kind: 'not_configured', reason: `${reason}: EXPO_ACCESS_TOKEN is refused.` });
    }
    if (status < 400 || status >= 500) return settleAll({ kind: 'retry', reason });
    // One message spoils its batch: one that is malformed, or a token of another project of Expo, which anybody may have
    // registered. DO NOT let it hold up the others.
    if (batch.length > 1) {
      const half = Math.ceil(batch.length / 2);
      await Promise.all([sendBatch(batch.slice(0, half)), sendBatch(batch.slice(half))]);
      return;
    }
    settleAll({ kind: 'refused', reason });
  };

  let waiting: Waiting[] = [];
  const flush = (): void => {
    const all = waiting;
    waiting = [];
    for (let i = 0; i < all.length; i += maxExpoBatch) void sendBatch(all.slice(i, i + maxExpoBatch));
  };

  return {
    send: (token, message) =>
      new Promise((settle) => {
        if (waiting.length === 0) setTimeout(flush, gatherMs);
        waiting.push({ message: expoMessage(token, message), settle });
      }),
    async receipts(ids) {
      const found = new Map<string, PushReceipt>();
      for (let i = 0; i < ids.length; i += maxExpoReceipts) {
        const response = await ask('getReceipts', { ids: ids.slice(i, i + maxExpoReceipts) });
        const answer = receipts.safeParse(await response.json().catch(() => null));
        if (!response.ok || !answer.success)
          throw new Error(`Expo answered ${response.status} instead of receipts`);
        for (const [id, receipt] of Object.entries(answer.data.data)) {
          found.set(id, receipt.status === 'ok' ? { kind: 'delivered' } : refusalOf(receipt));
        }
      }
      return found;
    },
  };
}
