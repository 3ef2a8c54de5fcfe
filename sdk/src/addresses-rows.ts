import type { Tables } from './generated/database.ts';

/** An address of the signed-in person. */
export interface Address extends Omit<Tables['addresses'], 'location'> {}

/** What its owner writes of an address. */
type Written = Pick<
  Address,
  'label' | 'phone' | 'line2' | 'ward' | 'district' | 'province' | 'country' | 'lat' | 'lng'
> &
  Pick<Address, 'recipient' | 'line1'>;

/**
 * An address to be added. In Vietnam `province` is needed; `country` is `VN` without another. `phone` may be written as
 * people write it there.
 */
export type NewAddress = Pick<Written, 'recipient' | 'line1'> & Partial<Written>;

/** What is changed of an address; what is absent stays. */
export type AddressChanges = Partial<Written>;
