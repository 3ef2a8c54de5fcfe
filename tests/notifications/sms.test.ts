import { afterAll, describe, expect, it } from 'vitest';
import { anyMobile } from '../support/phones.ts';
import { anyPlate, closeSql, eventually, mailsTo, type Person, person, sql } from '../support/world.ts';

afterAll(closeSql);

/** Somebody whose phone is verified. */
async function withPhone(number: string): Promise<Person & { phone: string }> {
  const one = await person('one');
  await sql('update public.profiles set phone = $2, phone_verified_at = now() where id = $1', [
    one.id,
    number,
  ]);
  return { ...one, phone: number };
}

const anyNumber = (end: string): string => `${anyMobile().slice(0, -3)}${end}`;

/** Tells a renter that the host accepted, which is a text with an SMS. */
async function tell({ id }: Person, vehicle: string = anyPlate()): Promise<void> {
  const data = {
    code: 'J123',
    vehicle,
    starts: '09:30 21/11/2026',
    ends: '09:30 22/11/2026',
    period: '09:30 21/11/2026 - 09:30 22/11/2026',
    total: '1.500.000 VND',
    pay_by: '10:00 20/11/2026',
  };
  await sql(
    `select private.notify_each(array[$1]::uuid[], '{booking_accepted_renter}', $2, $3, '{"{in_app,email,sms}"}')`,
    [id, JSON.stringify(data), crypto.randomUUID()],
  );
}

interface Delivery extends Record<string, unknown> {
  id: string;
  status: string;
  reason: string | null;
  provider_id: string | null;
}
const smsDeliveries = ({ id }: Person): Promise<Delivery[]> =>
  sql('select * from public.deliveries where user_id = $1 and channel = $2 order by created_at, id', [
    id,
    'sms',
  ]);
const until = (one: Person, status: string): Promise<Delivery[]> =>
  eventually(async () => {
    const rows = await smsDeliveries(one);
    return rows.length > 0 && rows.every((row) => row.status === status) ? rows : null;
  });

describe('a notification by SMS', () => {
  it('goes to the verified phone, short and plain, and is delivered when eSMS says so', async () => {
    const one = await withPhone(anyNumber('111'));
    await tell(one);
    const [delivery] = await until(one, 'delivered');
    const messages = (await mailsTo(one.phone)) as unknown as { text: string }[];
    expect(messages).toHaveLength(1);
    expect(messages[0]?.text).toContain('J123');
    expect(messages[0]?.text).toMatch(/^[ -~]+$/);
    expect(messages[0]?.text.length).toBeLessThanOrEqual(160);
    // the report may come before the row is done
    const row = await eventually(async () => {
      const [now] = await sql(
        `select result, provider_id from private.outbox where topic = 'sms' and dedupe_key = $1 and status = 'done'`,
        [delivery?.id],
      );
      return now;
    });
    expect(row).toEqual({ result: { segments: 1, unicode: false }, provider_id: delivery?.provider_id });
  });

  it('fails when eSMS says that it did not arrive', async () => {
    // the local catcher reports this of numbers that end so
    const one = await withPhone(anyNumber('999'));
    await tell(one);
    expect(await until(one, 'failed')).toMatchObject([{ detail: 'eSMS: SendStatus 5' }]);
  });

  it('is not sent to a phone that nobody verified', async () => {
    const one = await person('one');
    await tell(one);
    expect(await until(one, 'suppressed')).toMatchObject([{ reason: 'no_phone' }]);
  });

  it('stops at the budget of the day, and the row says so', async () => {
    const one = await withPhone(anyNumber('222'));
    for (let i = 0; i < 8; i += 1) await tell(one);
    const rows = await eventually(async () => {
      const now = await smsDeliveries(one);
      return now.every(({ status }) => ['delivered', 'suppressed'].includes(status)) ? now : null;
    });
    const counts = Map.groupBy(rows, ({ status, reason }) => reason ?? status);
    expect([counts.get('delivered')?.length, counts.get('sms_budget')?.length]).toEqual([5, 3]);
    expect(await mailsTo(one.phone)).toHaveLength(5);
    // a day later there is a new one
    await sql(`update public.deliveries set decided_at = decided_at - interval '1 day' where user_id = $1`, [
      one.id,
    ]);
    await tell(one);
    await eventually(async () => ((await mailsTo(one.phone)).length === 6 ? true : null));
  });
});
