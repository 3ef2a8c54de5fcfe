import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeListing } from '../support/acts.ts';
import {
  type Act,
  allAtOnce,
  invariantViolations,
  openWorld,
  surprises,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;
let admins: string[];
let people: string[];

beforeAll(async () => {
  world = await openWorld();
  await world.sql.query('update private.rate_limits set capacity = 100000');
  admins = [];
  for (let i = 0; i < 4; i += 1) admins.push(await world.make('make_admin', 'admin'));
  people = [];
  for (let i = 0; i < 12; i += 1) people.push(await world.make('make_user', 'reporter'));
});

afterAll(() => world?.close());

const report = (user: string, kind: string, subject: string, seq: number | null = null): Act => ({
  user,
  text: "(private.create_report($1, $2, 'fraud', '', $3)).status",
  args: [kind, subject, seq],
});
const restrict = (user: string, kind: string, subject: string, seq: number | null = null): Act => ({
  user,
  text: "(private.restrict_subject($1, $2, 'Against the rules', $3, null)).action",
  args: [kind, subject, seq],
});
const restore = (user: string, action: string): Act => ({
  user,
  text: "(private.restore_subject($1, 'Was right after all', null)).action",
  args: [action],
});
const standing = (subject: string): Promise<string[] | null> =>
  world.value(
    `select array_agg(a.id) from public.moderation_actions a join private.moderation_cases c on c.id = a.case_id
     where c.subject_id = $1 and private.stands(a)`,
    subject,
  );

/** A message that everybody in `people` reads, and its sender. */
async function message(): Promise<{ chat: string; seq: number; sender: string }> {
  const sender = await world.make<string>('make_user', 'sender');
  const chat = await world.value<string>(
    `select (private.create_group('Crew', $2::uuid[], gen_random_uuid())).id
     from set_config('request.jwt.claims', tests.claims($1), false)`,
    sender,
    people,
  );
  for (const one of people) {
    await world.sql.query("select set_config('request.jwt.claims', tests.claims($1), false)", [one]);
    await world.sql.query('select private.answer_request($1, true)', [chat]);
  }
  await world.sql.query("select set_config('request.jwt.claims', tests.claims($1), false)", [sender]);
  const seq = await world.value<string>(
    "select (private.send_message($1, 'Pay me in cash', gen_random_uuid())).seq",
    chat,
  );
  await world.sql.query("select set_config('request.jwt.claims', '', false)");
  return { chat, seq: Number(seq), sender };
}

describe('reports', () => {
  it('make one case of one subject when many people report it at once, each of them twice', async () => {
    const { vehicle } = await makeListing(world);
    const outcomes = await allAtOnce([...people, ...people].map((one) => report(one, 'vehicle', vehicle)));
    expect(surprises(outcomes)).toEqual([]);
    expect(
      await world.value(
        `select count(*)::int || ' ' || count(distinct r.reporter_id) || ' ' || count(distinct r.case_id) from public.reports r
         join private.moderation_cases c on c.id = r.case_id where c.subject_id = $1`,
        vehicle,
      ),
    ).toBe('12 12 1');
    expect(await invariantViolations(world)).toEqual([]);
  });

  it.each(['vehicle', 'message'])(
    'of a %s are all answered when it is taken down meanwhile',
    async (kind) => {
      const { chat, seq } = await message();
      const [subject, number] =
        kind === 'vehicle' ? [(await makeListing(world)).vehicle, null] : ([chat, seq] as const);
      const outcomes = await allAtOnce([
        ...people.slice(0, 6).map((one) => report(one, kind, subject, number)),
        ...admins.map((one) => restrict(one, kind, subject, number)),
        ...people.slice(6).map((one) => report(one, kind, subject, number)),
      ]);
      expect(surprises(outcomes, 'not_found', 'subject_restricted', 'subject_gone')).toEqual([]);
      expect(await standing(subject)).toHaveLength(1);
      // who came too late was told that there is nothing; everybody else has an answer
      expect(
        await world.value(
          `select count(*)::int from public.reports r join private.moderation_cases c on c.id = r.case_id
         where c.subject_id = $1 and r.status = 'open'`,
          subject,
        ),
      ).toBe(0);
      expect(await invariantViolations(world)).toEqual([]);
    },
  );

  it.each(['vehicle', 'message'])(
    'let a %s be put back once when several of staff do it at once',
    async (kind) => {
      const { chat, seq } = await message();
      const [subject, number] =
        kind === 'vehicle' ? [(await makeListing(world)).vehicle, null] : ([chat, seq] as const);
      await allAtOnce([restrict(admins[0] ?? '', kind, subject, number)]);
      const [action = ''] = (await standing(subject)) ?? [];
      const outcomes = await allAtOnce(admins.map((one) => restore(one, action)));
      expect(tally(outcomes)).toEqual({ ok: 1, action_over: 3 });
      expect(await standing(subject)).toBeNull();
      expect(await invariantViolations(world)).toEqual([]);
    },
  );

  it('let a message be hidden and restored while people write, read and delete in its conversation', async () => {
    const { chat, seq, sender } = await message();
    const send = (user: string): Act => ({
      user,
      text: "(private.send_message($1, 'And so on', gen_random_uuid())).kind",
      args: [chat],
    });
    const remove: Act = { user: sender, text: '(private.delete_message($1, $2)).kind', args: [chat, seq] };
    await allAtOnce([report(people[0] ?? '', 'message', chat, seq)]);
    const outcomes = await allAtOnce([
      ...people.map(send),
      restrict(admins[0] ?? '', 'message', chat, seq),
      remove,
      restrict(admins[1] ?? '', 'message', chat, seq),
      ...people.map(send),
    ]);
    expect(surprises(outcomes, 'subject_restricted', 'subject_gone', 'not_found')).toEqual([]);
    expect(
      await world.value(
        'select body is null and deleted_at is not null from public.messages where conversation_id = $1 and seq = $2',
        chat,
        seq,
      ),
    ).toBe(true);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('are decided once when several of staff decide at once', async () => {
    const subject = people[0] ?? '';
    await allAtOnce([report(people[1] ?? '', 'person', subject)]);
    const id = await world.value<string>(
      "select id from private.moderation_cases where kind = 'person' and subject_id = $1",
      subject,
    );
    const outcomes = await allAtOnce(
      admins.map((user) => ({
        user,
        text: "(private.decide_reports($1, false, 'Nothing to see', 1)).action",
        args: [id],
      })),
    );
    expect(tally(outcomes)).toEqual({ ok: 1, illegal_transition: 3 });
    expect(await invariantViolations(world)).toEqual([]);
  });
});
