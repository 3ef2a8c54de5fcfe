import { describe, expect, it } from 'vitest';
import { fakeOutside } from '../../../tests/support/fakes.ts';
import { handle } from './handler.ts';

const token = `6f1c2d3e-0000-4000-8000-000000000001.booking.${'a'.repeat(64)}`;
const state = (subscribed: boolean, locale = 'en') => ({
  category: 'booking',
  name: locale === 'vi' ? 'Đặt xe' : 'Bookings',
  locale,
  subscribed,
});
const database = {
  unsubscribe_state: () => state(true),
  set_subscribed: ({ subscribed }: Record<string, unknown>) => state(subscribed === true),
};
const ask = (method: string, body?: BodyInit, headers: Record<string, string> = {}) =>
  new Request(`http://functions.local/unsubscribe/${token}`, { method, body, headers });

describe('the link in a mail', () => {
  it.each(['GET', 'HEAD'])('changes nothing by %s', async (method) => {
    const { deps, calls } = fakeOutside(database);
    const answer = await handle(deps)(ask(method));
    expect(answer.status).toBe(200);
    expect(calls.map(({ name, args }) => [name, args])).toEqual([['unsubscribe_state', { token }]]);
    if (method === 'HEAD') expect(await answer.text()).toBe('');
  });

  it('unsubscribes by the one POST of a mail program, however it writes its form', async () => {
    const form = new FormData();
    form.set('List-Unsubscribe', 'One-Click');
    const bodies: [BodyInit | undefined, Record<string, string>][] = [
      ['List-Unsubscribe=One-Click', { 'content-type': 'application/x-www-form-urlencoded' }],
      [form, {}],
      [undefined, {}],
    ];
    for (const [body, headers] of bodies) {
      const { deps, calls } = fakeOutside(database);
      expect((await handle(deps)(ask('POST', body, headers))).status).toBe(200);
      expect(calls.map(({ name, args }) => [name, args])).toEqual([
        ['set_subscribed', { token, subscribed: false }],
      ]);
    }
  });

  it('shows a button that leaves, and then one that comes back', async () => {
    const { deps } = fakeOutside(database);
    const page = await (await handle(deps)(ask('GET'))).text();
    expect(page).toContain('<html lang="en">');
    expect(page).toContain('You get mails of this kind: Bookings.');
    expect(page).toMatch(/<form method="post"><button name="action" value="unsubscribe">/);
    const left = await (
      await handle(deps)(ask('POST', new URLSearchParams({ action: 'unsubscribe' })))
    ).text();
    expect(left).toContain('You no longer get mails of this kind: Bookings.');
    expect(left).toContain('value="subscribe"');
    const { deps: again, calls } = fakeOutside(database);
    await handle(again)(ask('POST', new URLSearchParams({ action: 'subscribe' })));
    expect(calls[0]?.args).toEqual({ token, subscribed: true });
  });

  it('is in the language of its reader', async () => {
    const { deps } = fakeOutside({ unsubscribe_state: () => state(true, 'vi') });
    const page = await (await handle(deps)(ask('GET'))).text();
    expect(page).toContain('<html lang="vi">');
    expect(page).toContain('Bạn đang nhận email loại này: Đặt xe.');
  });

  it('says in both languages that it is not right', async () => {
    const { deps } = fakeOutside({ unsubscribe_state: () => null, set_subscribed: () => null });
    for (const method of ['GET', 'POST']) {
      const answer = await handle(deps)(ask(method));
      expect(answer.status).toBe(404);
      expect(await answer.text()).toMatch(/This link is not right[\s\S]*Liên kết này không đúng/);
    }
  });

  it('runs nothing, loads nothing and gives its address to nobody', async () => {
    const { deps } = fakeOutside(database);
    const { headers } = await handle(deps)(ask('GET'));
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('private, no-store');
  });
});
