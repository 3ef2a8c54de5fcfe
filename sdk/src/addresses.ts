import type { Address, AddressChanges, NewAddress } from './addresses-rows.ts';
import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { requireUserId } from './core/rows.ts';
import { readableColumns } from './generated/columns.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** The addresses of the signed-in person, which nobody else sees. One of them is the default. */
export class Addresses {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** All of them, at most 20: the default, then the one added last. */
  async list(options?: CallOptions): Promise<Result<Address[]>> {
    const user = await requireUserId(this.#calls, options);
    if (user.error) return user;
    return this.#calls.table<Address[]>(
      'read',
      (client) => {
        const rows = client.from('addresses').select(readableColumns.addresses).eq('user_id', user.data);
        return rows.order('is_default', { ascending: false }).order('created_at', { ascending: false });
      },
      options,
    );
  }

  /**
   * Adds an address. The first one becomes the default.
   * Errors: `unknown_field`, `too_many_addresses`, `address_not_found` (the key is of an address that was
   * deleted), `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * await journey.addresses.add({
   *   label: 'Home', recipient: 'Nguyễn Văn A', phone: '0912 345 678',
   *   line1: '1 Tràng Tiền', ward: 'Phường Hoàn Kiếm', province: 'Hà Nội',
   * });
   * ```
   */
  add(details: NewAddress, options?: CommandOptions): Promise<Result<Address>> {
    return this.#calls.rpc('add_address', { details }, options);
  }

  /**
   * Changes the named fields; null empties one. A point needs `lat` and `lng` together.
   * Errors: `address_not_found`, `unknown_field`, `invalid_input`, `rate_limited`.
   */
  update(addressId: Uuid, changes: AddressChanges, options?: CallOptions): Promise<Result<Address>> {
    return this.#calls.rpc('update_address', { address_id: addressId, details: changes }, options);
  }

  /**
   * Makes it the default, in place of the former one.
   * Errors: `address_not_found`.
   */
  setDefault(addressId: Uuid, options?: CallOptions): Promise<Result<Address>> {
    return this.#calls.rpc('set_default_address', { address_id: addressId }, options);
  }

  /** Deletes it. When it was the default, the one of the others that was added last becomes it. Repeatable. */
  delete(addressId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('delete_address', { address_id: addressId }, options);
  }
}
