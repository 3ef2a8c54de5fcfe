/** What a booking, its payment and its money should be, told a second time and as simply as possible. */
export interface ModelBooking {
  id: string;
  renter: number;
  period: number;
  status: 'pending_payment' | 'confirmed' | 'in_progress' | 'completed' | 'expired' | 'cancelled';
  payment: 'pending' | 'processing' | 'expired' | 'cancelled' | 'succeeded';
  /** What the provider knows the try at paying by. */
  reference?: string;
  paid: boolean;
  escrow: number;
  deposit: number;
  /** Refunds by kind; `sent` once the provider has confirmed. */
  refunds: Record<string, { amount: number; sent: boolean }>;
}

export interface Model {
  bookings: ModelBooking[];
  hostEarned: number;
}

export const price = {
  total: 4_814_405,
  deposit: 3_000_000,
  host: 1_360_001,
  platform: 320_003,
  tax: 134_401,
};

/** Hours from now. Some overlap, some touch; they lie in different tiers of the policy `moderate`. */
export const periods = [
  { from: 20, to: 30, refundBps: 0 },
  { from: 26, to: 40, refundBps: 5000 },
  { from: 30, to: 36, refundBps: 5000 },
  { from: 80, to: 90, refundBps: 10_000 },
  { from: 85, to: 95, refundBps: 10_000 },
] as const;

/** A trip that has begun lies elsewhere in time, so it no longer blocks its period. */
export const blocks = ({ status }: ModelBooking): boolean =>
  status === 'pending_payment' || status === 'confirmed';

export function isFree(model: Model, period: number): boolean {
  const wanted = periods[period];
  return !model.bookings.some((booking) => {
    const taken = periods[booking.period];
    return wanted && taken && blocks(booking) && wanted.from < taken.to && taken.from < wanted.to;
  });
}

export function newBooking(id: string, renter: number, period: number): ModelBooking {
  return {
    id,
    renter,
    period,
    status: 'pending_payment',
    payment: 'pending',
    paid: false,
    escrow: 0,
    deposit: 0,
    refunds: {},
  };
}

export function confirm(booking: ModelBooking): void {
  booking.status = 'confirmed';
  booking.payment = 'succeeded';
  booking.paid = true;
  booking.escrow = price.total - price.deposit;
  booking.deposit = price.deposit;
}

/** Money that came too late goes back whole. */
export function refundLate(booking: ModelBooking): void {
  booking.payment = 'succeeded';
  booking.paid = true;
  booking.refunds.late_payment = { amount: price.total, sent: false };
}

const kept = (amount: number, refundBps: number) => Math.floor((amount * (10_000 - refundBps)) / 10_000);

export function cancel(model: Model, booking: ModelBooking, by: 'renter' | 'host'): void {
  if (booking.status === 'confirmed') {
    const refundBps = by === 'host' ? 10_000 : (periods[booking.period]?.refundBps ?? 0);
    const forHost = kept(price.host, refundBps);
    const keptInAll = forHost + kept(price.platform, refundBps) + kept(price.tax, refundBps);
    booking.refunds[by === 'host' ? 'host_cancellation' : 'cancellation'] = {
      amount: price.total - keptInAll,
      sent: false,
    };
    booking.escrow = 0;
    booking.deposit = 0;
    model.hostEarned += forHost;
  } else {
    booking.payment = 'cancelled';
  }
  booking.status = 'cancelled';
}

export function complete(model: Model, booking: ModelBooking): void {
  booking.status = 'completed';
  booking.escrow = 0;
  model.hostEarned += price.host;
}

export function returnDeposit(booking: ModelBooking): void {
  booking.deposit = 0;
  booking.refunds.deposit = { amount: price.deposit, sent: false };
}

/** What the database should say of a booking. */
export interface Snapshot {
  id: string;
  status: string;
  payment: string;
  escrow: string;
  deposit: string;
  owed: string;
  refunded: string;
  blocks: boolean;
}

export function snapshot(booking: ModelBooking): Snapshot {
  const refunds = Object.values(booking.refunds);
  const sum = (sent: boolean) =>
    refunds.filter((refund) => refund.sent === sent).reduce((total, { amount }) => total + amount, 0);
  const refunded = sum(true);
  const paidState =
    refunded === 0 ? 'succeeded' : refunded === price.total ? 'refunded' : 'partially_refunded';
  return {
    id: booking.id,
    status: booking.status,
    payment: booking.paid ? paidState : booking.payment,
    escrow: String(booking.escrow),
    deposit: String(booking.deposit),
    owed: String(sum(false)),
    refunded: String(refunded),
    blocks: blocks(booking),
  };
}
