import { describe, expect, it } from 'vitest';
import { effects } from '../../supabase/functions/outbox/effects.ts';
import { asPostgres, member, stack } from '../stack/harness.ts';

async function mailsTo(address: string): Promise<{ subject: string }[]> {
  const answer = await fetch(`${stack.MAIL_URL}/api/messages?to=${encodeURIComponent(address)}`);
  return (await answer.json()) as { subject: string }[];
}

describe('the doorbell', () => {
  it('has what is written to the outbox done within seconds, each thing once', async () => {
    const user = await member();
    const subjects = Array.from({ length: 45 }, (_, index) => `Outbox ${String(index).padStart(2, '0')}`);
    await asPostgres(async (db) => {
      for (const subject of subjects) {
        // a text whose mail has {{code}} at the end of its subject
        const data = { code: subject, vehicle: 'x', period: 'x' };
        await db.query(`select private.notify($1, 'booking_requested_host', $2, $3)`, [
          user.id,
          data,
          subject,
        ]);
      }
    });
    // More than one batch: the bell goes on ringing while the function says that there is more.
    await expect.poll(async () => (await mailsTo(user.email)).length, { interval: 200 }).toBe(45);
    const got = (await mailsTo(user.email)).map((mail) => mail.subject.slice(-9)).sort();
    expect(got).toEqual(subjects);
  });
});

describe('the topics of the outbox', () => {
  it('have one effect each, and no effect has another topic', async () => {
    const { rows } = await asPostgres((db) =>
      db.query("select topic from private.outbox_topics where worker <> 'media' order by topic"),
    );
    expect(effects.map(({ topic }) => topic).sort()).toEqual(rows.map(({ topic }) => topic));
  });
});
