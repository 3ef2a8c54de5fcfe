import { CompactSign } from 'jose';
import type { TicketToSign } from '../contracts/tickets.ts';
import type { TicketKeys } from './keys.ts';

/**
 * The text of a ticket's QR code: a JWS with EdDSA. Names are short because each letter makes the QR denser: `t` is
 * the ticket, `e` the event, `n` which holder it belongs to, `s` the secret of that holder's ticket, `exp` its end.
 */
export function signTicket(ticket: TicketToSign, keys: TicketKeys): Promise<string> {
  const claims = {
    t: ticket.ticket_id,
    e: ticket.event_id,
    n: ticket.custody,
    s: ticket.secret,
    exp: Math.floor(Date.parse(ticket.valid_until) / 1000),
  };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'EdDSA', kid: keys.kid })
    .sign(keys.key);
}
