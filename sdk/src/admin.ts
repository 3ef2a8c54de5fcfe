import { AdminMoney } from './admin-money.ts';
import { AdminPayables } from './admin-payables.ts';
import { AdminPayouts } from './admin-payouts.ts';
import type { InvariantViolation } from './admin-rows.ts';
import type { CallOptions, Calls } from './core/calls.ts';
import type { DriverLicence } from './licences-rows.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';
import type { Vehicle } from './vehicles-rows.ts';

/** What people with the role `admin` do. The role is looked up by the backend with each call. */
export class Admin {
  readonly #calls: Calls;
  /** What fits nowhere, what goes back, and the proof of the books. */
  readonly money: AdminMoney;
  /** What hosts get. */
  readonly payouts: AdminPayouts;
  /** What payments pay. */
  readonly payables: AdminPayables;

  constructor(calls: Calls) {
    this.#calls = calls;
    this.money = new AdminMoney(calls);
    this.payouts = new AdminPayouts(calls);
    this.payables = new AdminPayables(calls);
  }

  /**
   * Decides on a listing. `reject` and `suspend` need a reason of 1 to 500 characters; `publish` needs the `revision` of
   * the listing that was looked at.
   * Errors: `forbidden`, `vehicle_not_found`, `invalid_input`, `illegal_transition`, `vehicle_changed`.
   */
  reviewVehicle(
    input: {
      vehicleId: Uuid;
      decision: 'publish' | 'reject' | 'suspend' | 'reinstate';
      reason?: string;
      revision?: number;
    },
    options?: CallOptions,
  ): Promise<Result<Vehicle>> {
    const args = {
      vehicle_id: input.vehicleId,
      decision: input.decision,
      reason: input.reason,
      revision: input.revision,
    };
    return this.#calls.rpc('review_vehicle', args, options);
  }

  /**
   * Decides on a licence; `reject` needs a reason.
   * Errors: `forbidden`, `not_found`, `invalid_input`, `illegal_transition`.
   */
  reviewLicence(
    input: { licenceId: Uuid; decision: 'verify' | 'reject'; reason?: string },
    options?: CallOptions,
  ): Promise<Result<DriverLicence>> {
    const args = { licence_id: input.licenceId, decision: input.decision, reason: input.reason };
    return this.#calls.rpc('review_licence', args, options);
  }

  /**
   * One row for each violation of an invariant; an empty list means healthy.
   * Errors: `forbidden`.
   */
  checkInvariants(options?: CallOptions): Promise<Result<InvariantViolation[]>> {
    return this.#calls.rpc('check_invariants', {}, options);
  }
}
