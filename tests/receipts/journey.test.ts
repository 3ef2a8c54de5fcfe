import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { priceLineText, type Vehicle } from '../../sdk/src/index.ts';
import {
  admin,
  closeSql,
  eventually,
  listing,
  mailsTo,
  ok,
  type Person,
  paidBooking,
  paymentOf,
  period,
  person,
  refusal,
  renter,
} from '../support/world.ts';

let staff: Person;
let vehicle: Vehicle;

beforeAll(async () => {
  staff = await admin();
  vehicle = await listing(await person('host'), staff);
});
afterAll(closeSql);

describe('a receipt', () => {
  it('is numbered, mailed, listed and printable, and nobody else’s', async () => {
    const payer = await renter(staff);
    const booking = await paidBooking(payer, vehicle, period(24 * 60, 24), 'momo');
    const receipt = await eventually(async () => (await ok(payer.journey.receipts.list())).rows[0] ?? null);
    const payment = await paymentOf(payer, booking);
    expect(receipt).toMatchObject({
      kind: 'receipt',
      payment_id: payment.id,
      total: payment.amount - booking.deposit_amount,
    });
    // in the words that the SDK has for the price
    const { lines } = await ok(payer.journey.bookings.get(booking.id));
    const texts = lines
      .filter(({ code }) => code !== 'security_deposit')
      .map(({ code, amount }) => ({ label: priceLineText(code, receipt.content.locale), amount }));
    expect(receipt.content.lines).toEqual(texts);
    expect(receipt.number).toMatch(/\d{6,}$/);
    expect(await ok(payer.journey.receipts.get(receipt.id))).toEqual(receipt);
    const page = await ok(payer.journey.receipts.page(receipt.id));
    expect(page).toContain(receipt.number);
    expect(page).toContain(booking.code);
    const mail = await eventually(async () => {
      const mails = await mailsTo(payer.email);
      return mails.find((one) => one.subject.includes(receipt.number)) ?? null;
    });
    expect(mail).not.toBeNull();
    const stranger = await person('stranger');
    expect(await refusal(stranger.journey.receipts.get(receipt.id))).toBe('receipt_not_found');
    expect(await refusal(stranger.journey.receipts.page(receipt.id))).toBe('receipt_not_found');
  });
});
