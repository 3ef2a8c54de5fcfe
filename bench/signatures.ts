import { StackError } from '../local/errors.ts';
import { sandboxSettings } from '../local/sandbox/merchants.ts';
import { readEnv } from '../supabase/functions/_shared/env.ts';
import { createProviders } from '../supabase/functions/_shared/payments/index.ts';
import type { ProviderName } from '../supabase/functions/_shared/payments/provider.ts';
import { inTurns, type Measurement, measurement } from './report.ts';
import type { Effort } from './run.ts';
import { type SignedRequest, signedRequests } from './signed-requests.ts';

// Nothing is called: the wrappers only verify.
const environment = {
  ...sandboxSettings('http://127.0.0.1:9'),
  JOURNEY_ENV: 'local',
  SUPABASE_URL: 'http://127.0.0.1:9',
  SUPABASE_PUBLISHABLE_KEYS: '{"default": "sb_publishable_bench"}',
  SUPABASE_SECRET_KEYS: '{"default": "sb_secret_bench"}',
};

/** The bytes one message signs, ready for WebCrypto. */
interface Bare {
  key: CryptoKey;
  text: Uint8Array<ArrayBuffer>;
  signature: Uint8Array<ArrayBuffer>;
}

async function bareOf(requests: SignedRequest[]): Promise<Bare[]> {
  const keys = new Map<string, CryptoKey>();
  const encoder = new TextEncoder();
  const found: Bare[] = [];
  for (const { secret, hash, text, signature } of requests) {
    const known = keys.get(secret);
    const key =
      known ??
      (await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash }, false, [
        'verify',
      ]));
    keys.set(secret, key);
    found.push({
      key,
      text: encoder.encode(text),
      signature: Uint8Array.from(Buffer.from(signature, 'hex')),
    });
  }
  return found;
}

/** Runs `one` for every item, one after the other, and returns the microseconds of one. */
async function timeEach<Item>(items: Item[], one: (item: Item) => Promise<boolean>): Promise<number> {
  const before = process.hrtime.bigint();
  for (const item of items) {
    if (!(await one(item)))
      throw new StackError('A genuine message was refused.', 'Run the tests of the wrappers.');
  }
  return Number(process.hrtime.bigint() - before) / 1000 / items.length;
}

/**
 * Verifying and reading a notification through each provider's wrapper, against the bare HMAC of the same bytes by
 * node's WebCrypto: no parsing, no key to import, the text and the signature prepared.
 */
export async function benchSignatures(effort: Effort): Promise<Measurement[]> {
  const providers = createProviders(readEnv(environment));
  const measured: Measurement[] = [];
  for (const [name, make] of Object.entries(signedRequests) as [
    ProviderName,
    (n: number) => SignedRequest,
  ][]) {
    const provider = providers.get(name);
    const requests = Array.from({ length: effort.signatures }, (_, n) => make(n));
    const bare = await bareOf(requests);
    const wrapped = () =>
      timeEach(requests, async ({ request }) => {
        const constructed = await provider.constructEvent(request);
        return (
          constructed.verified &&
          constructed.event.kind === 'payment' &&
          constructed.event.report.outcome === 'succeeded'
        );
      });
    const plain = () =>
      timeEach(bare, ({ key, text, signature }) => crypto.subtle.verify('HMAC', key, signature, text));
    // The first rounds compile.
    await wrapped();
    await plain();
    // What inTurns would say is of rates; the table says it all.
    const [candidate, baseline] = await inTurns(effort.rounds, wrapped, plain, () => {});
    measured.push(measurement(`signature: ${name}`, 'µs', candidate, baseline, { below: 3 }));
  }
  return measured;
}
