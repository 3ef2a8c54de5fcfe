import { createJourney, type Journey, type MediaPurpose } from '../../sdk/src/index.ts';
import type { StackEnvironment } from '../environment.ts';
import type { Narrator } from './narrator.ts';
import { photo } from './photo.ts';

type Where = Pick<StackEnvironment, 'API_URL' | 'PUBLISHABLE_KEY'>;

/** A client as an app has it: an address and the publishable key; its connection is the given one. */
export function client(where: Where, connection?: typeof fetch): Journey {
  return createJourney({
    url: where.API_URL,
    publishableKey: where.PUBLISHABLE_KEY,
    auth: { persistSession: false },
    // A slow machine makes the story slow; it does not end it.
    timeoutMs: 120_000,
    ...(connection && { fetch: connection, retry: { retries: 0 } }),
  });
}

export interface Person {
  journey: Journey;
  id: string;
  email: string;
  name: string;
}

/** Signs up a new person. A trigger makes the profile in the same transaction. */
export async function signUp(tell: Narrator, where: Where, name: string): Promise<Person> {
  const journey = client(where);
  const email = `${name.toLowerCase()}.${Date.now().toString(36)}${Math.floor(Math.random() * 1e4)}@journey.example`;
  const { user } = await tell.call(`${name}: auth.signUp({ email, password, displayName })`, () =>
    journey.auth.signUp({ email, password: 'correct horse battery', displayName: name, locale: 'en' }),
  );
  return { journey, id: user.id, email, name };
}

/** The seeded admin. A row in user_roles makes an admin, not a claim in a token. */
export async function signInAdmin(tell: Narrator, where: Where): Promise<Person> {
  const journey = client(where);
  const email = 'admin@journey.example';
  const { user } = await tell.call('admin: auth.signIn({ email, password })', () =>
    journey.auth.signIn({ email, password: 'journey-demo' }),
  );
  return { journey, id: user.id, email, name: 'admin' };
}

/** Uploads one picture per caption: ticket, bytes to Storage, check. */
export async function uploadAll(
  tell: Narrator,
  person: Person,
  purpose: MediaPurpose,
  captions: readonly string[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const caption of captions) {
    const file = photo(caption);
    const media = await tell.call(
      `${person.name}: media.upload({ purpose: '${purpose}', … })  // ${caption}`,
      () => person.journey.media.upload({ purpose, file, mimeType: 'image/jpeg' }),
    );
    ids.push(media.id);
  }
  return ids;
}
