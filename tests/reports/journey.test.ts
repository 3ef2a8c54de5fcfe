import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Vehicle } from '../../sdk/src/index.ts';
import { admin, closeSql, listing, ok, type Person, person, refusal, sql } from '../support/world.ts';

let staff: Person;
let support: Person;
let host: Person;
let guest: Person;
let vehicle: Vehicle;

beforeAll(async () => {
  staff = await admin();
  [support, host, guest] = await Promise.all([person('support'), person('host'), person('guest')]);
  await sql(`insert into public.user_roles (user_id, role) values ($1, 'support')`, [support.id]);
  vehicle = await listing(host, staff);
});
afterAll(closeSql);

/** The row of the queue about one subject, on whatever page. */
async function inQueue(kind: 'vehicle' | 'message', subjectId: string) {
  for await (const row of support.journey.admin.moderation.list({ ofKind: kind })) {
    if (row.error) throw row.error;
    if (row.data.subject_id === subjectId) return row.data;
  }
  return null;
}

const titles = async ({ journey }: Person): Promise<string[]> =>
  (await ok(journey.notifications.list())).rows.map(({ template }) => template);

describe('a report', () => {
  it('of a listing is decided, the listing is suspended, and put back when the host objects', async () => {
    const categories = await ok(guest.journey.reports.categories('vehicle'));
    expect(categories.map(({ category }) => category)).toContain('fraud');
    const report = await ok(
      guest.journey.reports.create({
        kind: 'vehicle',
        subjectId: vehicle.id,
        category: 'fraud',
        description: 'The host wants the money first',
      }),
    );
    expect(report).toMatchObject({ kind: 'vehicle', status: 'open' });

    const row = await inQueue('vehicle', vehicle.id);
    expect(row).toMatchObject({
      reporters: 1,
      severity: 3,
      categories: { fraud: 1 },
      is_restricted: false,
      claim: null,
    });
    const caseId = row?.id ?? '';
    await ok(support.journey.admin.claimReview({ kind: 'report', subjectId: caseId }));
    const found = await ok(support.journey.admin.moderation.get(caseId));
    expect(found.reports[0]).toMatchObject({
      reporter_id: guest.id,
      description: 'The host wants the money first',
      reporter_upheld: 0,
    });
    expect(found.shown).toMatchObject({ title: vehicle.title });

    const action = await ok(
      support.journey.admin.moderation.restrict({
        kind: 'vehicle',
        subjectId: vehicle.id,
        reason: 'Asks for money outside the app',
      }),
    );
    expect(action).toMatchObject({ action: 'suspend', before: { status: 'published' } });
    expect((await ok(guest.journey.reports.mine())).rows[0]).toMatchObject({
      id: report.id,
      status: 'upheld',
      name: null,
    });
    expect(await titles(guest)).toContain('report_upheld');

    // the host is told why, learns nothing of the reporter, and writes to support
    const [against] = (await ok(host.journey.reports.actionsAgainstMe())).rows;
    expect(against).toMatchObject({
      action: 'suspend',
      reason: 'Asks for money outside the app',
      stands: true,
    });
    expect(JSON.stringify((await ok(host.journey.notifications.list())).rows)).not.toContain(guest.id);
    const talk = await ok(host.journey.chat.openSupport());
    await ok(host.journey.chat.send(talk.id, { body: 'That was not me' }));

    const restored = await ok(
      support.journey.admin.moderation.restore({ actionId: action.id, reason: 'Somebody else wrote that' }),
    );
    expect(restored).toMatchObject({ action: 'restore', undoes: action.id });
    expect(await ok(guest.journey.vehicles.get(vehicle.id))).toMatchObject({ id: vehicle.id });
    const log = (await ok(support.journey.admin.moderation.log({ ofOwnerId: host.id }))).rows;
    expect(log.map(({ action: what, stands }) => `${what} ${stands}`)).toEqual([
      'restore false',
      'suspend false',
    ]);
  });

  it('of a message hides its words from everybody who read it, and shows them again', async () => {
    const talk = await ok(host.journey.chat.openDirect(guest.id));
    const sent = await ok(host.journey.chat.send(talk.id, { body: 'Pay me in cash' }));
    await ok(guest.journey.chat.answerRequest(talk.id, true));
    const about = { kind: 'message', subjectId: talk.id, seq: sent.seq } as const;
    expect(await refusal(support.journey.reports.create({ ...about, category: 'spam' }))).toBe('not_found');
    await ok(guest.journey.reports.create({ ...about, category: 'fraud' }));
    expect(await inQueue('message', talk.id)).toMatchObject({ seq: sent.seq, owner_id: host.id });

    const action = await ok(
      support.journey.admin.moderation.restrict({ ...about, reason: 'Payment outside the app' }),
    );
    const read = async () =>
      (await ok(guest.journey.chat.messages({ conversationId: talk.id }))).rows.find(
        ({ seq }) => seq === sent.seq,
      );
    expect(await read()).toMatchObject({ body: null, hidden_at: expect.any(String) });
    expect(await refusal(host.journey.chat.edit(talk.id, sent.seq, 'Something else'))).toBe('message_hidden');
    await ok(
      support.journey.admin.moderation.restore({
        actionId: action.id,
        reason: 'It was a joke between friends',
      }),
    );
    expect(await read()).toMatchObject({ body: 'Pay me in cash', hidden_at: null });
  });

  it('that was wrong is dismissed with nothing taken down', async () => {
    const other = await person('other');
    await ok(
      other.journey.reports.create({
        kind: 'person',
        subjectId: guest.id,
        category: 'other',
        description: 'I do not like the name',
      }),
    );
    const [row] = (
      await ok(support.journey.admin.moderation.list({ ofKind: 'person', pageSize: 100 }))
    ).rows.filter(({ subject_id }) => subject_id === guest.id);
    expect(
      await refusal(
        support.journey.admin.moderation.decide({
          caseId: row?.id ?? '',
          uphold: false,
          reason: 'A name is a name',
          reports: 0,
        }),
      ),
    ).toBe('reports_changed');
    await ok(
      support.journey.admin.moderation.decide({
        caseId: row?.id ?? '',
        uphold: false,
        reason: 'A name is a name',
        reports: 1,
      }),
    );
    expect(await titles(other)).toContain('report_dismissed');
    expect((await ok(guest.journey.reports.actionsAgainstMe())).rows).toEqual([]);
  });
});
