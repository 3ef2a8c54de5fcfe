import { priceLineTexts } from './generated/price-line-texts.ts';
import type { PriceLineCode } from './generated/pricing/index.ts';

/**
 * The words for a line of a price, in English or Vietnamese. The receipt has the same.
 *
 * @example `for (const line of quote.lines) console.log(priceLineText(line.code, 'vi'), line.amount);`
 */
export function priceLineText(code: PriceLineCode, locale: 'en' | 'vi'): string {
  return priceLineTexts[code][locale];
}
