export { readInstant } from './instant.ts';
export { priceRental, pricingVersion } from './price-rental.ts';
export type {
  Priced,
  PriceLine,
  PriceLineCode,
  PricingFacts,
  PricingOptions,
  PricingRates,
} from './types.ts';
export { PricingError } from './types.ts';
