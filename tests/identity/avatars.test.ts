import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { client, closeSql, ok, type Person, person, upload } from '../support/world.ts';

let owner: Person;
let stranger: Person;
let former: { bucket: string; path: string };
let shown: { bucket: string; path: string };

async function wear(caption: string): Promise<{ bucket: string; path: string }> {
  const id = await upload(owner, 'avatar', caption);
  await ok(owner.journey.media.whenReady(id, { waitMs: 60_000 }));
  await ok(owner.journey.profiles.update({ avatar_media_id: id }));
  const { avatar_path: path } = await ok(stranger.journey.profiles.get(owner.id));
  if (!path) throw new Error('The profile shows no avatar.');
  return { bucket: 'avatars', path };
}

beforeAll(async () => {
  [owner, stranger] = await Promise.all([person('owner'), person('stranger')]);
  former = await wear('former');
  shown = await wear('shown');
});

afterAll(closeSql);

const readers = [
  { who: 'a visitor', journey: () => client() },
  { who: 'a stranger', journey: () => stranger.journey },
];

describe.each(readers)('$who', ({ journey }) => {
  it('opens the avatar that a public profile names', async () => {
    const address = await ok(journey().media.signedUrl(shown));
    expect((await fetch(address)).status).toBe(200);
    const bucket = journey().supabase.storage.from('avatars');
    expect((await bucket.download(shown.path)).error).toBeNull();
  });

  it('does not open a former avatar', async () => {
    const { error } = await journey().media.signedUrl(former);
    expect(error?.code).toBe('not_found');
    const bucket = journey().supabase.storage.from('avatars');
    expect((await bucket.download(former.path)).error).not.toBeNull();
  });

  it('lists nobody by avatars, neither in Storage nor in the Data API', async () => {
    const { supabase } = journey();
    const bucket = supabase.storage.from('avatars');
    expect((await bucket.list()).data).toEqual([]);
    expect((await bucket.list(owner.id)).data).toEqual([]);
    expect((await bucket.listV2({ prefix: owner.id })).data).toMatchObject({ objects: [], folders: [] });
    expect((await supabase.from('media').select('id').eq('purpose', 'avatar')).data).toEqual([]);
    expect((await supabase.from('media').select('id').eq('path', shown.path)).data).toEqual([]);
  });
});
