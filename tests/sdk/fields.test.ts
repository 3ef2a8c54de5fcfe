import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readSignatures } from '../../sdk/scripts/database.ts';
import { fieldOfBody, fieldOfCommand } from '../../sdk/src/core/fields.ts';
import { callKinds, type RpcName } from '../../sdk/src/generated/calls.ts';
import { completeMediaRequest } from '../../supabase/functions/_shared/contracts/media.ts';
import {
  confirmResetRequest,
  sendOtpRequest,
  sendResetRequest,
  verifyOtpRequest,
} from '../../supabase/functions/_shared/contracts/otp.ts';
import {
  checkPaymentRequest,
  startPaymentRequest,
} from '../../supabase/functions/_shared/contracts/payments.ts';
import { extensionRequest, quoteRequest } from '../../supabase/functions/_shared/contracts/quote.ts';
import { ticketCodeRequest } from '../../supabase/functions/_shared/contracts/tickets.ts';
import { type FakeApi, functionRefusal, refusal, startFakeApi } from './fake-api.ts';
import { readMethods } from './methods.ts';

const url = process.env.ADMIN_DB_URL ?? process.env.DB_URL;

describe.skipIf(!url)('the field that a refusal names', () => {
  const client = new pg.Client({ connectionString: url });
  beforeAll(() => client.connect());
  afterAll(() => client.end());

  it('is an argument of the method, for every argument of every command', async () => {
    const signatures = new Map((await readSignatures(client)).map((one) => [one.name, one.args]));
    const called = new Set<string>();
    const strange: string[] = [];
    for (const [method, { commands, arguments: names }] of readMethods()) {
      for (const command of commands as RpcName[]) {
        called.add(command);
        // its first question takes nothing from the app
        if (method === 'notifications.subscribe' && command === 'list_notifications') continue;
        // what it searches was checked when it was saved
        if (method === 'savedSearches.run') continue;
        // they count the pages themselves
        if (countsPages.has(method)) continue;
        for (const { name } of signatures.get(command) ?? []) {
          const field = fieldOfCommand(command, name);
          if (!names.has(field)) strange.push(`${method}: ${command}(${name}) as ${field}`);
        }
      }
    }
    expect(strange).toEqual([]);
    const elsewhere = [
      'start_payment',
      'check_payment',
      'error_catalog',
      'transition_catalog',
      'ticket_to_print',
    ];
    expect([...called, ...elsewhere].sort()).toEqual(expect.arrayContaining(Object.keys(callKinds).sort()));
  });
});

const countsPages = new Set(['account.export', 'checkIn.doorTickets', 'waitingRoom.verifyShuffle']);

const bodies: Record<string, { shape: object }> = {
  quote: quoteRequest,
  'quote/extension': extensionRequest,
  'payments/start': startPaymentRequest,
  'payments/check': checkPaymentRequest,
  'media/complete': completeMediaRequest,
  'otp/send': sendOtpRequest,
  'otp/verify': verifyOtpRequest,
  'otp/reset/send': sendResetRequest,
  'otp/reset/confirm': confirmResetRequest,
  'tickets/code': ticketCodeRequest,
};

it('a field of a body is named as the method that sends it names it', () => {
  const strange: string[] = [];
  const seen = new Set<string>();
  for (const [method, { endpoints, arguments: names }] of readMethods()) {
    for (const endpoint of endpoints) {
      seen.add(endpoint);
      // the ticket's id: an upload names none
      if (endpoint === 'media/complete') continue;
      for (const field of Object.keys(bodies[endpoint]?.shape ?? { missing: true }))
        if (!names.has(fieldOfBody(field))) strange.push(`${method}: ${endpoint} ${field}`);
    }
  }
  expect(strange).toEqual([]);
  expect([...seen].sort()).toEqual(Object.keys(bodies).sort());
});

describe('a refusal of the input', () => {
  let api: FakeApi;
  beforeEach(async () => {
    api = await startFakeApi({ retries: 0 });
  });
  afterEach(() => api.close());
  const search = { lat: 21, lng: 105, startsAt: new Date(0), endsAt: new Date(1), radiusM: 5 };

  it('says in its message which argument is wrong, and why', async () => {
    api.answer(refusal(400, 'invalid_input', { field: 'radius_m', problem: 'must be 100 to 100000' }));
    expect((await api.journey.vehicles.search(search)).error).toMatchObject({
      details: { field: 'radiusM', problem: 'must be 100 to 100000' },
      message: 'radiusM: must be 100 to 100000.',
    });
    api.answer(
      refusal(400, 'invalid_input', { field: 'starts_at', problem: 'must be given together with ends_at' }),
    );
    expect((await api.journey.vehicles.search(search)).error).toMatchObject({
      details: { field: 'startsAt', problem: 'must be given together with endsAt' },
      message: 'startsAt: must be given together with endsAt.',
    });
  });

  it('keeps the names of columns where a method takes a row', async () => {
    const car = { kind: 'car', price_per_day: -1 } as never;
    api.answer(refusal(400, 'invalid_input', { field: 'price_per_day', problem: 'must be positive' }));
    expect((await api.journey.vehicles.create(car)).error?.details.field).toBe('price_per_day');
    expect((await api.journey.vehicles.update('v', car)).error?.details.field).toBe('price_per_day');
    api.answer(refusal(400, 'unknown_field', { field: 'wheel_count' }));
    expect((await api.journey.vehicles.update('v', car)).error).toMatchObject({
      details: { field: 'wheel_count' },
      message: 'There is no field wheel_count.',
    });
  });

  it('names an argument that the method calls otherwise than the command', async () => {
    api.answer(refusal(400, 'invalid_input', { field: 'at_position', problem: 'must be 0 to 19' }));
    const image = { vehicleId: 'v', mediaId: 'm', position: 20 };
    expect((await api.journey.vehicles.addImage(image)).error?.details.field).toBe('position');
  });

  it('of an edge function names the argument too, also inside of an object', async () => {
    const paying = { paymentId: 'p', provider: 'vnpay', returnUrl: 'x' } as const;
    api.answer(
      functionRefusal(400, 'invalid_input', {
        details: { field: 'return_url', problem: 'must be an address' },
      }),
    );
    expect((await api.journey.payments.start(paying)).error).toMatchObject({
      details: { field: 'returnUrl' },
      message: 'returnUrl: must be an address.',
    });
    api.answer(
      functionRefusal(400, 'invalid_input', { details: { field: 'options.insurance', problem: 'no' } }),
    );
    expect((await api.journey.quotes.create({ vehicleId: 'v', ...search })).error?.details.field).toBe(
      'options.insurance',
    );
  });

  it('of a value that PostgreSQL cannot read names the argument that had it', async () => {
    api.answer({
      status: 400,
      body: { code: '22P02', message: 'invalid input syntax for type uuid: "m"', details: null, hint: null },
    });
    expect((await api.journey.vehicles.removeImage({ vehicleId: 'v', mediaId: 'm' })).error).toMatchObject({
      code: 'invalid_input',
      details: { field: 'mediaId', problem: 'invalid input syntax for type uuid', sqlstate: '22P02' },
      message: 'mediaId: invalid input syntax for type uuid.',
    });
  });
});
