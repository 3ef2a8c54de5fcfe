/** `yymmdd` in GMT+7. */
export function dayOf(instant: number = Date.now()): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Asia/Ho_Chi_Minh',
    year: '2-digit',
    month: '2-digit',
    day: '2-digit',
  }).formatToParts(instant);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('year')}${part('month')}${part('day')}`;
}

/** How far ZaloPay lets the merchant's clock differ, or its call be late. */
export const clockTolerance = 15 * 60_000;
