import { afterAll, describe, expect, it } from 'vitest';
import { clientIp, clientNetwork } from '../../supabase/functions/_shared/client-ip.ts';
import { closeSql, sql } from '../support/world.ts';

afterAll(closeSql);

/** The network of a caller as the database sees it. */
async function networkInSql(headers: Record<string, string>): Promise<string> {
  const [row] = await sql<{ network: string }>(
    `select private.client_network() as network from (select set_config('request.headers', $1, true) offset 0) s`,
    [JSON.stringify(headers)],
  );
  return row?.network ?? '';
}

const cases: [what: string, headers: Record<string, string>, network: string, inSql?: string][] = [
  [
    'what Cloudflare saw',
    { 'cf-connecting-ip': '203.0.113.7', 'x-forwarded-for': '198.51.100.1' },
    '203.0.113.7',
  ],
  ['the only entry', { 'x-forwarded-for': '203.0.113.7' }, '203.0.113.7'],
  [
    'the entry after what the caller wrote',
    { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' },
    '203.0.113.7',
  ],
  [
    'the entry before our own proxies',
    { 'x-forwarded-for': '1.1.1.1,203.0.113.7, 10.0.0.1, 172.20.0.3' },
    '203.0.113.7',
  ],
  ['the last of private addresses', { 'x-forwarded-for': '192.168.1.4, 127.0.0.1' }, '127.0.0.1'],
  ['the last entry, after nonsense', { 'x-forwarded-for': "'; drop table, 203.0.113.7" }, '203.0.113.7'],
  ['a network of IPv6', { 'cf-connecting-ip': '2001:db8:1:2:3:4:5:6' }, '2001:db8:1:2', '2001:db8:1:2::'],
  ['the same network in short', { 'cf-connecting-ip': '2001:0db8:1:2::9' }, '2001:db8:1:2', '2001:db8:1:2::'],
  ['a network with zeros', { 'cf-connecting-ip': '2001:db8::1' }, '2001:db8:0:0', '2001:db8::'],
  ['nothing that is an address', { 'x-forwarded-for': 'nonsense' }, '127.0.0.1', 'unknown'],
  ['no header', {}, '127.0.0.1', 'unknown'],
];

describe('the network of a caller', () => {
  it.each(cases)(
    'is %s, for functions and for the database',
    async (_, headers, network, inSql = network) => {
      expect(clientNetwork(new Headers(headers))).toBe(network);
      expect(await networkInSql(headers)).toBe(inSql);
    },
  );

  it('is an address where one is needed, whatever a header says', () => {
    expect(clientIp(new Headers({ 'cf-connecting-ip': 'x'.repeat(50) }))).toBe('127.0.0.1');
  });
});
