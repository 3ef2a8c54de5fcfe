import { apiUrl } from '../../local/config.ts';
import { delay } from '../../local/process.ts';
import type { PaymentProvider, PaymentStart } from '../../sdk/src/index.ts';
import type { ChaosStack } from './chaos-stack.ts';
import type { Act } from './story.ts';

/** Counts what happened, by name. */
export class Tally {
  readonly counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + count);
  }

  get(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  /** Those whose name begins so, most first. */
  list(prefix: string): string {
    const found = [...this.counts].filter(([name]) => name.startsWith(prefix)).sort((a, b) => b[1] - a[1]);
    return found.map(([name, count]) => `${name.slice(prefix.length)} ${count}`).join(', ');
  }
}

const patienceMs = 60_000;
const longestPauseMs = 2_000;

/**
 * Begins a try at paying through the edge function, again under the same key while nothing or a failure of ours
 * comes back, as the SDK does. Null when it is refused for good.
 */
export async function start(
  stack: ChaosStack,
  token: string,
  order: { paymentId: string; provider: PaymentProvider; twice: boolean },
  tally: Tally,
): Promise<PaymentStart | null> {
  const end = Date.now() + patienceMs;
  let key = crypto.randomUUID();
  let pause = 100;
  const send = async (): Promise<{ status: number; body: PaymentStart & { error?: { code: string } } }> => {
    const answer = await fetch(`${apiUrl(stack.config)}/functions/v1/payments/start`, {
      method: 'POST',
      headers: {
        apikey: stack.config.publishableKey,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        payment_id: order.paymentId,
        provider: order.provider,
        idempotency_key: key,
      }),
      signal: AbortSignal.timeout(15_000),
    });
    return {
      status: answer.status,
      body: (await answer.json()) as PaymentStart & { error?: { code: string } },
    };
  };
  while (Date.now() < end) {
    const answers = await Promise.allSettled(order.twice ? [send(), send()] : [send()]);
    const heard = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const begun = heard.filter(({ status }) => status === 200).map(({ body }) => body);
    if (begun.some(({ attempt }) => attempt.id !== begun[0]?.attempt.id)) {
      throw new Error(`one key began two attempts: ${begun.map(({ attempt }) => attempt.id).join(', ')}`);
    }
    if (begun[0]) return begun[0];
    const last = heard[0];
    const code = last?.body.error?.code ?? 'no code';
    if (code === 'payment_start_again') {
      key = crypto.randomUUID();
    } else if (last && last.status < 500 && last.status !== 429) {
      tally.add(`start refused: ${code}`);
      return null;
    }
    tally.add(`start again: ${last ? `${last.status} ${code}` : 'no answer'}`);
    await delay(pause);
    pause = Math.min(pause * 2, longestPauseMs);
  }
  throw new Error(`no attempt could be begun within ${patienceMs} ms`);
}

/** What a payer transfers who may choose the sum. */
function sumOf(act: Act, amount: number): number | undefined {
  const part = Math.floor((amount * 0.4) / 1000) * 1000;
  switch (act.sum) {
    case 'part':
      return part;
    case 'rest':
      return amount - part;
    case 'over':
      return amount + 50_000;
    case 'once_more':
      return 250_000;
    default:
      return undefined;
  }
}

/** Does one thing at the provider. False when it did not take it, such as for a link cancelled by us meanwhile. */
export async function act(stack: ChaosStack, begun: PaymentStart, what: Act, tally: Tally): Promise<boolean> {
  const { provider, reference, amount } = begun.attempt;
  const where = { reference, redirectUrl: begun.redirect_url ?? undefined, qr: begun.qr.payload };
  const { outcome, again, messageChange, notify } = what;
  const sum = sumOf(what, amount);
  const answer = await stack.sandbox<{ code?: string; error?: string }>(`${provider}/api/pay`, {
    ...where,
    ...{ outcome, again, messageChange, notify },
    ...(sum === undefined ? {} : { amount: sum }),
  });
  if (answer.status >= 500) throw new Error(`the sandbox answered ${answer.status}: ${answer.body.error}`);
  const taken = answer.status < 400;
  const why = taken ? '' : ` (${answer.body.error?.replace(/cs_test_\w+|\S*\d{6}\S*/g, '…')})`;
  tally.add(`${taken ? 'done' : 'not taken'}: ${provider} ${what.sum ?? outcome}${why}`);
  return taken;
}
