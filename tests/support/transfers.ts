import type { RefundResult } from '../../supabase/functions/_shared/payments/provider.ts';
import type { TransferInput, TransferProvider } from '../../supabase/functions/_shared/payments/transfers.ts';

/** A sender of transfers that answers what a test gives, and what it was called with. */
export function fakeTransfers(answers: { send?: RefundResult; retrieve?: RefundResult }) {
  const calls: { call: 'send' | 'retrieve'; input: TransferInput }[] = [];
  const answer = (call: 'send' | 'retrieve') => async (input: TransferInput) => {
    calls.push({ call, input });
    const found = answers[call];
    if (!found) throw new Error('connection reset');
    return found;
  };
  const transfers: TransferProvider = { name: 'payos', send: answer('send'), retrieve: answer('retrieve') };
  return { calls, transfers };
}
