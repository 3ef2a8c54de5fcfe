// Our reference is J and 14 digits. PayOS knows an order by a number: these digits.

/** The number that PayOS knows an attempt by. */
export function orderCodeOf(reference: string): number {
  if (!/^J[1-9]\d{13}$/.test(reference)) throw new Error(`${reference} cannot be an order code of PayOS`);
  return Number(reference.slice(1));
}

/** The reference of an order code; null when we cannot have made it. */
export function referenceOf(orderCode: number): string | null {
  return /^[1-9]\d{13}$/.test(String(orderCode)) ? `J${orderCode}` : null;
}
