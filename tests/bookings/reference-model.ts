/** What a booking, its payment and its money should be, told a second time and as simply as possible. */
export interface ModelBooking {
  id: string;
  renter: number;
  period: number;
  status: 'pending_payment' | 'confirmed' | 'in_progress' | 'completed' | 'expired' | 'cancelled';
  payment: 'pending' | 'processing' | 'expired' | 'cancelled' | 'succeeded';
  /** What the provider knows the try at paying by. */
  reference?: string;
  /** What that try asks for. */
  asked: number;
  /** The try by a rail on which the payer chooses the sum. */
  partReference?: string;
  /** What came of the sum and waits for the rest. */
  parts: number;
  /** What came in parts and went back, as the payment ended without it. */
  partsBack: number;
  /** What came of the try `reference`: it paid, or it was a part. */
  told?: 'paid' | 'part';
  paid: boolean;
  /** Whether it was moved so that it takes place now. */
  here: boolean;
  /** Whether a check-in was ever recorded, also one that was rejected. */
  inspected: boolean;
  /** The inspection that waits for an answer. */
  open: { kind: Kind; by: Side; contested: boolean } | null;
  /** What somebody was shown that cancelling would give back. */
  shown?: { by: Side; amount: number };
  escrow: number;
  deposit: number;
  /** Refunds by kind; `sent` once the provider has confirmed. */
  refunds: Record<string, { amount: number; sent: boolean }>;
}

export type Side = 'renter' | 'host';
export type Kind = 'check_in' | 'check_out';

export const otherSide = (side: Side): Side => (side === 'host' ? 'renter' : 'host');

export interface Model {
  bookings: ModelBooking[];
  hostEarned: number;
  /** Whether the vehicle is suspended. */
  suspended: boolean;
  /** Whether each renter has a verified licence. */
  licences: boolean[];
}

export const newModel = (): Model => ({
  bookings: [],
  hostEarned: 0,
  suspended: false,
  licences: [true, true, true],
});

/** Why a trip of a renter may not be paid or begin now; null when nothing is in the way. */
export function problemOf(model: Model, renter: number): string | null {
  if (model.suspended) return 'vehicle_suspended';
  return model.licences[renter] ? null : 'licence_required';
}

/** What a renter is refused with who wants to book, whatever the period. */
export const refusedBooking = (model: Model, renter: number): string | null =>
  model.suspended ? 'vehicle_not_published' : problemOf(model, renter);

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

export const isCancellable = ({ status }: ModelBooking): boolean =>
  status === 'pending_payment' || status === 'confirmed';

/** A trip that takes place now no longer blocks its period. */
const blocksPeriod = (booking: ModelBooking): boolean => isCancellable(booking) && !booking.here;

function inTheWay(model: Model, period: number): ModelBooking[] {
  const wanted = periods[period];
  return model.bookings.filter((booking) => {
    const taken = periods[booking.period];
    return wanted && taken && blocksPeriod(booking) && wanted.from < taken.to && taken.from < wanted.to;
  });
}

export const isFree = (model: Model, period: number): boolean => inTheWay(model, period).length === 0;

/** Whether an unpaid hold of this renter is in the way, which a refusal names. */
export const isHeldBy = (model: Model, renter: number, period: number): boolean =>
  inTheWay(model, period).some(
    (booking) => booking.renter === renter && booking.status === 'pending_payment',
  );

export function newBooking(id: string, renter: number, period: number): ModelBooking {
  return {
    id,
    renter,
    period,
    status: 'pending_payment',
    payment: 'pending',
    asked: 0,
    parts: 0,
    partsBack: 0,
    paid: false,
    here: false,
    inspected: false,
    open: null,
    escrow: 0,
    deposit: 0,
    refunds: {},
  };
}

export const isOpen = ({ status, payment }: ModelBooking): boolean =>
  status === 'pending_payment' && (payment === 'pending' || payment === 'processing');

/** The payment ends without its parts. */
export function returnParts(booking: ModelBooking): void {
  booking.partsBack += booking.parts;
  booking.parts = 0;
}

export function expire(booking: ModelBooking): void {
  booking.status = 'expired';
  booking.payment = 'expired';
  returnParts(booking);
}

/** Less than the whole sum came. Says what it came to. */
export function takePart(model: Model, booking: ModelBooking, amount: number): string {
  if (booking.paid) return 'unmatched';
  // nobody is asked for the rest of what the whole sum would not buy
  if (isOpen(booking) && problemOf(model, booking.renter)) expire(booking);
  if (isOpen(booking) && booking.parts + amount >= price.total) {
    booking.parts = 0;
    confirm(booking);
    return 'applied';
  }
  booking.parts += amount;
  if (!isOpen(booking)) returnParts(booking);
  return 'part_received';
}

/** The whole sum came at once. Says what it came to. */
export function takeWhole(model: Model, booking: ModelBooking): string {
  const canBeHad =
    booking.status === 'pending_payment' || (booking.status === 'expired' && isFree(model, booking.period));
  if (canBeHad && problemOf(model, booking.renter) === null) {
    confirm(booking);
    return 'applied';
  }
  if (booking.status === 'pending_payment') expire(booking);
  booking.payment = 'succeeded';
  booking.paid = true;
  booking.refunds.late_payment = { amount: price.total, sent: false };
  return 'refunded_late';
}

function confirm(booking: ModelBooking): void {
  returnParts(booking);
  booking.status = 'confirmed';
  booking.payment = 'succeeded';
  booking.paid = true;
  booking.escrow = price.total - price.deposit;
  booking.deposit = price.deposit;
}

/** What somebody who cancels is refused with; null when it can be cancelled. */
export function refusedCancelling(booking: ModelBooking): string | null {
  if (!isCancellable(booking)) return 'booking_not_cancellable';
  return booking.open?.contested ? 'money_frozen' : null;
}

const kept = (amount: number, refundBps: number) => Math.floor((amount * (10_000 - refundBps)) / 10_000);

/** Of a paid booking that is cancelled, what is kept, and what goes back. */
function shares(model: Model, booking: ModelBooking, by: Side): { forHost: number; back: number } {
  const whole = by === 'host' || model.suspended;
  const refundBps = whole ? 10_000 : booking.here ? 0 : (periods[booking.period]?.refundBps ?? 0);
  const forHost = kept(price.host, refundBps);
  return {
    forHost,
    back: price.total - kept(price.total - price.deposit, refundBps),
  };
}

/** What cancelling would give back now. */
export const refundOf = (model: Model, booking: ModelBooking, by: Side): number =>
  booking.status === 'confirmed' ? shares(model, booking, by).back : booking.parts;

export function cancel(model: Model, booking: ModelBooking, by: Side): void {
  if (booking.status === 'confirmed') {
    const { forHost, back } = shares(model, booking, by);
    booking.refunds[by === 'host' ? 'host_cancellation' : 'cancellation'] = { amount: back, sent: false };
    booking.escrow = 0;
    booking.deposit = 0;
    model.hostEarned += forHost;
  } else {
    booking.payment = 'cancelled';
    returnParts(booking);
  }
  booking.status = 'cancelled';
  booking.here = false;
  booking.open = null;
}

/** Whether a trip can be moved so that it takes place now: of two that do, the calendar takes one. */
export const canComeHere = (model: Model, booking: ModelBooking): boolean =>
  booking.status === 'confirmed' && !booking.here && !model.bookings.some(({ here }) => here);

/** What a check-in or check-out is refused with; null when it is recorded. */
export function refusedInspection(model: Model, booking: ModelBooking, kind: Kind): string | null {
  if (kind === 'check_out') {
    if (booking.open) return 'inspection_open';
    return booking.status === 'in_progress' ? null : 'illegal_transition';
  }
  if (booking.status !== 'confirmed') return 'illegal_transition';
  if (!booking.here && !canComeHere(model, booking)) return 'too_early';
  const problem = problemOf(model, booking.renter);
  if (problem) return problem === 'vehicle_suspended' ? problem : 'renter_licence_invalid';
  return booking.open ? 'inspection_open' : null;
}

/** The inspection that waits counts. */
export function count(model: Model, booking: ModelBooking): void {
  const kind = booking.open?.kind;
  booking.open = null;
  if (kind === 'check_in') booking.status = 'in_progress';
  else complete(model, booking);
}

/** What an admin who settles a trip that is over is refused with; null when it is completed. */
export function refusedSettling(booking: ModelBooking): string | null {
  if (booking.status !== 'confirmed' && booking.status !== 'in_progress') return 'illegal_transition';
  // it takes place now and is not moved into the past, where the time to answer would be over
  return booking.open ? 'too_early' : null;
}

export function complete(model: Model, booking: ModelBooking): void {
  booking.status = 'completed';
  booking.here = false;
  booking.escrow = 0;
  model.hostEarned += price.host;
}

/** What taking part of a deposit is refused with; null when the host gets it. */
export const refusedCapture = (booking: ModelBooking, amount: number): string | null =>
  booking.status === 'completed' && amount <= booking.deposit ? null : 'deposit_not_enough';

export function capture(model: Model, booking: ModelBooking, amount: number): void {
  booking.deposit -= amount;
  model.hostEarned += amount;
}

export function returnDeposit(booking: ModelBooking): void {
  booking.refunds.deposit = { amount: booking.deposit, sent: false };
  booking.deposit = 0;
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
  parts: string;
  partsBack: string;
  blocks: boolean;
  open: string | null;
  frozen: boolean;
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
    parts: String(booking.parts),
    partsBack: String(booking.partsBack),
    blocks: isCancellable(booking) || booking.status === 'in_progress',
    open: booking.open && `${booking.open.kind} ${booking.open.contested ? 'contested' : 'recorded'}`,
    frozen: booking.open?.contested ?? false,
  };
}
