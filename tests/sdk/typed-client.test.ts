import { describe, expect, expectTypeOf, it } from 'vitest';
import { createJourney } from '../../sdk/src/index.ts';

const { API_URL, PUBLISHABLE_KEY } = process.env;

// `npm run check` compiles this file: the lines of types are tests there, and the answers are tests here.
describe('queries through journey.supabase', () => {
  const { supabase } = createJourney({ url: API_URL ?? '', publishableKey: PUBLISHABLE_KEY ?? '' });

  it('are typed by table and column, also of what is embedded', async () => {
    const { data, error } = await supabase
      .from('vehicles')
      .select('id, kind, price_per_day, vehicle_images(media_id, position)')
      .eq('status', 'published')
      .limit(1);
    expect(error).toBeNull();
    const [row] = data ?? [];
    expectTypeOf(row?.price_per_day).toEqualTypeOf<number | undefined>();
    expectTypeOf(row?.kind).toEqualTypeOf<'car' | 'motorbike' | undefined>();
    expectTypeOf(row?.vehicle_images).toEqualTypeOf<{ media_id: string; position: number }[] | undefined>();
    expect(row).toEqual({
      id: expect.any(String),
      kind: expect.stringMatching(/car|motorbike/),
      price_per_day: expect.any(Number),
      vehicle_images: expect.any(Array),
    });
  });

  it('do not compile with a table, a column or a write that apps do not have', () => {
    // @ts-expect-error: no such table
    supabase.from('wheels');
    // @ts-expect-error: no such column
    supabase.from('vehicles').update({ wheel_count: 3 });
    // @ts-expect-error: apps write by functions
    supabase.from('bookings').insert({ status: 'confirmed' });
    supabase.from('profiles').update({ display_name: 'Lan' });
    expect(API_URL).toBeDefined();
  });

  it('call functions with typed arguments and answers', async () => {
    const { data } = await supabase.rpc('public_profile', { id: crypto.randomUUID() });
    expectTypeOf(data?.[0]?.display_name).toEqualTypeOf<string | undefined>();
    expect(data).toEqual([]);
    // @ts-expect-error: no such function
    await supabase.rpc('delete_everything');
  });
});
