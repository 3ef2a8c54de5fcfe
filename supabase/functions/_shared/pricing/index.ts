export { readInstant } from './instant.ts';
export { priceExtension } from './price-extension.ts';
export { priceRental, pricingVersion } from './price-rental.ts';
export type {
  Priced,
  PriceLine,
  PriceLineCode,
  PricingDiscount,
  PricingFacts,
  PricingOptions,
  PricingRates,
} from './types.ts';
export { PricingError } from './types.ts';
