import { vietnamTime } from '../vietnam-time.ts';

/** `yymmdd` in GMT+7. ZaloPay wants ids to begin with it. */
export function vietnamDay(instant: number): string {
  return vietnamTime(instant).slice(2, 8);
}

/** ZaloPay's id of an order: our reference after its own date. */
export function appTransId(reference: string): string {
  if (!/^J\d{14}$/.test(reference)) throw new Error(`${reference} is no reference of a payment attempt`);
  return `${reference.slice(1, 7)}_${reference}`;
}

/** Our reference in ZaloPay's id of an order; null when we cannot have made that id. */
export function referenceOf(id: string): string | null {
  return /^(\d{6})_(J\1\d{8})$/.exec(id)?.[2] ?? null;
}
