import { afterAll, describe, expect, it } from 'vitest';
import { closeSql, ok, type Person, person } from '../support/world.ts';

const people: Person[] = [];
const patient = { timeout: 120_000, interval: 200 };

afterAll(async () => {
  await Promise.all(people.map(({ journey }) => journey.close()));
  await closeSql();
});

async function make(name: string): Promise<Person> {
  const one = await person(name);
  people.push(one);
  return one;
}

describe('presence', () => {
  it('shows who is online to those who talk with them, and nobody who hides it', async () => {
    const [one, two, shy, stranger] = (await Promise.all(['one', 'two', 'shy', 'stranger'].map(make))) as [
      Person,
      Person,
      Person,
      Person,
    ];
    for (const other of [two, shy]) {
      const { id } = await ok(one.journey.chat.openDirect(other.id));
      await ok(one.journey.chat.send(id, { body: 'Hello' }));
      await ok(other.journey.chat.answerRequest(id, true));
    }
    await ok(shy.journey.profiles.update({ shows_presence: false }));
    const heard: string[] = [];
    const watch = (watcher: Person, who: string, other: Person) =>
      ok(watcher.journey.chat.watchOnline(other.id, (online) => heard.push(`${who} ${online}`)));
    await watch(one, 'two', two);
    await watch(one, 'shy', shy);
    await watch(stranger, 'two to a stranger', two);
    const phone = await ok(two.journey.chat.showOnline());
    await ok(shy.journey.chat.showOnline());
    await expect.poll(() => heard, patient).toContain('two true');
    phone.unsubscribe();
    await expect.poll(() => heard.at(-1), patient).toBe('two false');
    const again = await ok(two.journey.chat.showOnline());
    await expect.poll(() => heard.at(-1), patient).toBe('two true');
    again.unsubscribe();
    await expect.poll(() => heard.at(-1), patient).toBe('two false');
    expect(heard.filter((line) => line.includes('true'))).toEqual(['two true', 'two true']);

    // when they were last: an app looked
    for (const { journey } of [two, shy]) await ok(journey.chat.sync(null));
    const seen = await ok(one.journey.chat.lastSeen([two.id, shy.id]));
    expect(seen.map(({ user_id }) => user_id)).toEqual([two.id]);
    expect(await ok(stranger.journey.chat.lastSeen([two.id]))).toEqual([]);
  });
});
