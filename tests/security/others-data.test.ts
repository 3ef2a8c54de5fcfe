import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Vehicle } from '../../sdk/src/index.ts';
import {
  aCar,
  admin,
  anyPlate,
  bankAccount,
  closeSql,
  listing,
  type Person,
  period,
  person,
  renter,
  sql,
} from '../support/world.ts';
import { type Answer, call, codeOf, expectCleanRefusal, post, tokenOf } from './attack.ts';

let victim: Person;
let host: Person;
let attacker: Person;
let token: string;
let vehicle: Vehicle;
// where no other listing is
const place = { lat: -41.312734, lng: 174.834195 };

beforeAll(async () => {
  const boss = await admin();
  [victim, host, attacker] = [await renter(boss), await person('host'), await person('attacker')];
  vehicle = await listing(host, boss, {
    ...place,
    address: '77 Secret Street, Wellington',
    plate: anyPlate(),
  });
  await bankAccount(host);
  token = await tokenOf(attacker);
});
afterAll(closeSql);

const get = (path: string, headers: Record<string, string> = {}) =>
  call(`/rest/v1/${path}`, { token, headers });
/** No row came: a refusal, a choice of relations (300), or an empty list. */
const nothing = ({ status, body }: Answer) => status >= 300 || JSON.stringify(body) === '[]';

describe('what belongs to another', () => {
  it('is not found by any filter, order, count or embedding of the Data API', async () => {
    const [licence] = await sql<{ id: string; number_last4: string }>(
      'select id, number_last4 from public.driver_licences where user_id = $1',
      [victim.id],
    );
    const paths = [
      `driver_licences?select=id,full_name&id=eq.${licence?.id}`,
      `driver_licences?select=id&number_last4=eq.${licence?.number_last4}`,
      `driver_licences?select=id&or=(user_id.eq.${victim.id},id.not.is.null)`,
      `driver_licences?select=id&not.and=(id.is.null)`,
      `driver_licences?select=id&user_id=in.(${victim.id})&limit=1&offset=0`,
      `profiles?select=id,driver_licences(*)&id=eq.${victim.id}`,
      `profiles?select=id,driver_licences!driver_licences_user_id_fkey!inner(*)&id=eq.${victim.id}`,
      `profiles?select=id,bank_accounts(*),user_roles(*)&id=eq.${host.id}`,
      `profiles?select=*&id=neq.${attacker.id}`,
      `bank_accounts?select=*&user_id=eq.${host.id}`,
      `vehicle_locations?select=*&vehicle_id=eq.${vehicle.id}`,
      `vehicle_locations?select=address&order=address.desc`,
      `calendar_entries?select=*&vehicle_id=eq.${vehicle.id}`,
      `media?select=*&owner_id=eq.${victim.id}`,
      `notifications?select=*&user_id=eq.${victim.id}`,
      `quotes?select=id&renter_id=eq.${victim.id}`,
    ];
    for (const path of paths) {
      for (const prefer of ['', 'count=exact', 'count=planned', 'count=estimated']) {
        const answer = await get(path, prefer === '' ? {} : { prefer });
        expect(nothing(answer), `${path}: ${answer.text.slice(0, 200)}`).toBe(true);
        if (prefer === 'count=exact' && answer.status < 300)
          expect(answer.headers.get('content-range'), path).toBe('*/0');
      }
    }
  });

  it('is not reached through what can be read: nothing hidden comes with an embedded row', async () => {
    const embedded = await get(
      `vehicles?select=id,vehicle_locations(*),calendar_entries(*)&id=eq.${vehicle.id}`,
    );
    if (embedded.status < 400) {
      const [row] = embedded.body as { vehicle_locations: unknown; calendar_entries: unknown }[];
      expect([row?.vehicle_locations ?? null, row?.calendar_entries]).toEqual([null, []]);
    }
    const inner = await get(`vehicles?select=id,vehicle_locations!inner(address)&id=eq.${vehicle.id}`);
    expect(nothing(inner), inner.text).toBe(true);
    const oracle = await get(
      `vehicles?select=id,vehicle_locations!inner(vehicle_id)&vehicle_locations.address=like.77*&id=eq.${vehicle.id}`,
    );
    expect(nothing(oracle), oracle.text).toBe(true);
    const people = await get(`vehicles?select=id,profiles(*)&id=eq.${vehicle.id}`);
    if (people.status < 400) expect(people.text).not.toContain(host.email);
  });

  it('stays unreadable where only a hash or a cipher of it is kept', async () => {
    for (const path of [
      'driver_licences?select=number_hash',
      'driver_licences?select=id&number_hash=eq.x',
      'driver_licences?select=id&order=number_hash',
      'bank_account_numbers?select=*',
      'bank_accounts?select=id,bank_account_numbers(*)',
      'secrets?select=*',
    ]) {
      for (const bearer of [token, await tokenOf(host), await tokenOf(victim)]) {
        const answer = await call(`/rest/v1/${path}`, { token: bearer });
        expect(nothing(answer) && answer.status >= 400, `${path}: ${answer.text}`).toBe(true);
        expect(answer.text).not.toMatch(/\\x[0-9a-f]{16}/);
      }
    }
  });

  it('is the same to a command as what does not exist', async () => {
    const [theirs] = await sql<{ id: string }>('select id from public.driver_licences where user_id = $1', [
      victim.id,
    ]);
    expect(theirs).toBeDefined();
    const tries: [command: string, args: (id: string) => object, id: string][] = [
      ['booking_detail', (id) => ({ booking_id: id }), vehicle.id],
      ['update_vehicle', (id) => ({ vehicle_id: id, details: { title: 'Mine now' } }), vehicle.id],
      ['archive_vehicle', (id) => ({ vehicle_id: id }), vehicle.id],
      [
        'block_period',
        (id) => ({ vehicle_id: id, starts_at: '2031-01-01T00:00:00Z', ends_at: '2031-01-02T00:00:00Z' }),
        vehicle.id,
      ],
    ];
    const shown = ({ status, text }: Answer, id: string) => [status, text.replaceAll(id, 'ID')];
    for (const [command, args, id] of tries) {
      const nobody = crypto.randomUUID();
      const existing = await post(`/rest/v1/rpc/${command}`, args(id), { token });
      const missing = await post(`/rest/v1/rpc/${command}`, args(nobody), { token });
      expect(shown(existing, id), command).toEqual(shown(missing, nobody));
      expectCleanRefusal(existing, command);
    }
  });
});

describe('the place of a vehicle', () => {
  it('cannot be found by its distances from many points: they are those of the public point', async () => {
    const [real] = await sql<{
      lat: number;
      lng: number;
      off: number;
      public_lat: number;
      public_lng: number;
    }>(
      `select extensions.st_y(l.location::extensions.geometry) as lat, extensions.st_x(l.location::extensions.geometry) as lng,
              extensions.st_distance(l.location, v.public_location, false) as off,
              extensions.st_y(v.public_location::extensions.geometry) as public_lat,
              extensions.st_x(v.public_location::extensions.geometry) as public_lng
       from public.vehicle_locations l join public.vehicles v on v.id = l.vehicle_id where v.id = $1`,
      [vehicle.id],
    );
    if (!real) throw new Error('the vehicle has no place');
    expect(real).toMatchObject(place);
    expect(real.off).toBeGreaterThan(10);
    const when = period(200, 30);
    const metre = 1 / 111_320;
    for (let n = 0; n < 8; n += 1) {
      const from = {
        lat: place.lat + 900 * metre * Math.sin(n),
        lng: place.lng + 1_100 * metre * Math.cos(n),
      };
      const found = await post(
        '/rest/v1/rpc/search_vehicles',
        { ...from, radius_m: 5000, starts_at: when.startsAt, ends_at: when.endsAt },
        { token },
      );
      const [row] = (
        found.body as { vehicle_id: string; distance_m: number; lat: number; lng: number }[]
      ).filter((one) => one.vehicle_id === vehicle.id);
      const [told] = await sql<{ to_public: number; to_real: number }>(
        `with p as (select extensions.st_setsrid(extensions.st_makepoint($2, $1), 4326)::extensions.geography as p)
         select extensions.st_distance(p.p, v.public_location, false) as to_public,
                extensions.st_distance(p.p, l.location, false) as to_real
         from p, public.vehicles v join public.vehicle_locations l on l.vehicle_id = v.id where v.id = $3`,
        [from.lat, from.lng, vehicle.id],
      );
      expect(row).toMatchObject({ lat: real.public_lat, lng: real.public_lng });
      expect(Math.abs((row?.distance_m ?? 0) - (told?.to_public ?? 1e9))).toBeLessThan(0.2);
    }
    // the edge of the circle is that of the public point too
    const edge = async (radius_m: number) => {
      const found = await post(
        '/rest/v1/rpc/search_vehicles',
        { lat: real.lat, lng: real.lng, radius_m, starts_at: when.startsAt, ends_at: when.endsAt },
        { token },
      );
      return (found.body as { vehicle_id: string }[]).some((one) => one.vehicle_id === vehicle.id);
    };
    expect(await edge(Math.max(100, Math.floor(real.off) - 2))).toBe(false);
    expect(await edge(Math.ceil(real.off) + 102)).toBe(true);
  });

  it('is in no answer that a stranger gets about the vehicle', async () => {
    const answers = [
      await post('/rest/v1/rpc/vehicle_detail', { vehicle_id: vehicle.id }, { token }),
      await post('/rest/v1/rpc/vehicle_detail', { vehicle_id: vehicle.id }),
      await get(`vehicles?id=eq.${vehicle.id}`),
      await call(`/rest/v1/vehicles?id=eq.${vehicle.id}`),
      await post('/rest/v1/rpc/public_profile', { id: host.id }, { token }),
    ];
    for (const { text, status } of answers) {
      expect(status).toBe(200);
      expect(text).not.toContain('Secret Street');
      expect(text).not.toMatch(/41\.312734|174\.834195/);
      expect(text).not.toContain(host.email);
    }
  });
});

describe('a field too many', () => {
  it('is refused by every command and changes nothing: mass assignment', async () => {
    const [before] = await sql('select * from public.profiles where id = $1', [attacker.id]);
    const columns = ['id', 'email_verified_at', 'phone', 'phone_verified_at', 'rating_average', 'created_at'];
    for (const column of columns) {
      const answer = await call(`/rest/v1/profiles?id=eq.${attacker.id}`, {
        method: 'PATCH',
        token,
        body: { display_name: 'Mallory', [column]: null },
      });
      expectCleanRefusal(answer, column);
      const narrowed = await call(`/rest/v1/profiles?id=eq.${attacker.id}&columns=display_name,${column}`, {
        method: 'PATCH',
        token,
        body: { display_name: 'Mallory', [column]: null },
      });
      expectCleanRefusal(narrowed, `columns=${column}`);
    }
    expect(await sql('select * from public.profiles where id = $1', [attacker.id])).toEqual([before]);
    for (const extra of [
      { user_id: victim.id },
      { p_user_id: victim.id },
      { role: 'admin' },
      { '': 1 },
      { __proto__x: 1 },
    ]) {
      const answer = await post('/rest/v1/rpc/unread_count', extra, { token });
      expect(answer.status, JSON.stringify(extra)).toBe(404);
    }
    for (const field of [
      'status',
      'host_id',
      'id',
      'rating_average',
      'public_location',
      'published_at',
      'is_listed',
      'revision',
    ]) {
      const details = { ...aCar, plate: anyPlate(), [field]: host.id };
      const answer = await post(
        '/rest/v1/rpc/create_vehicle',
        { details, idempotency_key: crypto.randomUUID() },
        { token },
      );
      expect(codeOf(answer), field).toBe('unknown_field');
    }
  });

  it('changes no row of another: the key in the body moves nothing', async () => {
    const answer = await call(`/rest/v1/profiles?id=eq.${victim.id}`, {
      method: 'PATCH',
      token,
      body: { display_name: 'Mallory' },
      headers: { prefer: 'return=representation' },
    });
    expect(answer.body).toEqual([]);
    const all = await call('/rest/v1/profiles?id=not.is.null', {
      method: 'PATCH',
      token,
      body: { bio: 'mine' },
      headers: { prefer: 'return=representation' },
    });
    expect((all.body as { id: string }[]).map((row) => row.id)).toEqual([attacker.id]);
    const upsert = await post(
      '/rest/v1/profiles?on_conflict=id',
      { id: victim.id, display_name: 'Mallory' },
      { token, headers: { prefer: 'resolution=merge-duplicates' } },
    );
    expect(upsert.status).toBe(403);
    const put = await call(`/rest/v1/profiles?id=eq.${victim.id}`, {
      method: 'PUT',
      token,
      body: { id: victim.id, display_name: 'Mallory' },
    });
    expectCleanRefusal(put, 'PUT');
    const [row] = await sql<{ display_name: string; bio: string }>(
      'select display_name, bio from public.profiles where id = $1',
      [victim.id],
    );
    expect(row?.display_name).not.toBe('Mallory');
  });
});
