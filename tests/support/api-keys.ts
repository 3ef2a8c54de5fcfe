import { ok, type Person, stepUp } from './world.ts';

/** A key of a person, as text, and its row. */
export async function apiKey(
  owner: Person,
  scopes: string[],
  name = 'Fleet software',
): Promise<{ id: string; prefix: string; text: string }> {
  await stepUp(owner);
  const expiresAt = new Date(Date.now() + 86_400_000);
  const key = await ok(owner.journey.apiKeys.create({ name, scopes, expiresAt }));
  if (key.api_key === null) throw new Error('the key was not shown');
  return { id: key.id, prefix: key.prefix, text: key.api_key };
}
