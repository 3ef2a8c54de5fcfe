import type { CallOptions, Calls } from './core/calls.ts';
import {
  byCreation,
  type CreatedPlace,
  type List,
  newestFirst,
  type PageOptions,
  readList,
} from './core/pages.ts';
import { requireUserId } from './core/rows.ts';
import { readableColumns } from './generated/columns.ts';
import type { DriverLicence, LicenceClass } from './licences-rows.ts';
import type { Result } from './result.ts';
import type { CalendarDay, Uuid } from './values.ts';

/** A driver licence to be reviewed. */
export interface LicenceSubmission {
  /** 6 to 20 letters or digits; only the last four are ever shown again. */
  number: string;
  /** The name on it, 2 to 120 characters. */
  fullName: string;
  /** As printed on it. */
  dateOfBirth: CalendarDay;
  /** All classes on the card, e.g. `['A1', 'B2']`; `classes()` lists them. */
  classes: string[];
  /** The day of issue. It decides which law the classes are of. */
  issuedOn: CalendarDay;
  /** The last day of the classes that have an end. Left out when none has one, as on a card for motorbikes. */
  validUntil?: CalendarDay;
  /** Whether its class B1 (before 2025) or B (from 2025) is for automatic vehicles only. Default false. */
  automaticOnly?: boolean;
  /** Two uploads of purpose `licence`. */
  frontMediaId: Uuid;
  backMediaId: Uuid;
}

/** Driver licences: a vehicle can be booked only with a verified one that covers it. */
export class Licences {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Submits a licence for review. The SDK does not repeat it: after an outcome `unknown`, look at `list()`.
   * Errors: `invalid_input`, `media_not_found`, `media_not_ready`, `illegal_transition` (one is pending
   * already), `rate_limited`.
   */
  submit(licence: LicenceSubmission, options?: CallOptions): Promise<Result<DriverLicence>> {
    return this.#calls.rpc(
      'submit_licence',
      {
        number: licence.number,
        full_name: licence.fullName,
        date_of_birth: licence.dateOfBirth,
        classes: licence.classes,
        issued_on: licence.issuedOn,
        valid_until: licence.validUntil,
        automatic_only: licence.automaticOnly,
        front_media_id: licence.frontMediaId,
        back_media_id: licence.backMediaId,
      },
      options,
    );
  }

  /**
   * The classes that a licence may have, by scheme: for a form that asks for the day of issue first.
   *
   * @example
   * ```ts
   * const { data: classes } = await journey.licences.classes();
   * const ofToday = classes?.filter(({ scheme }) => scheme === 'from_2025').map((one) => one.class);
   * ```
   */
  classes(options?: CallOptions): Promise<Result<LicenceClass[]>> {
    return this.#calls.rpc('licence_classes', {}, options);
  }

  /**
   * The signed-in user's licences, newest first. A verified one whose `valid_until` is over stays valid for its classes
   * without an end.
   * Errors: `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<DriverLicence> {
    const read = async (size: number, after?: CreatedPlace): Promise<Result<DriverLicence[]>> => {
      const user = await requireUserId(this.#calls, options);
      if (user.error) return user;
      return this.#calls.table<DriverLicence[]>(
        'read',
        (client) => {
          const rows = client.from('driver_licences').select(readableColumns.driver_licences);
          return newestFirst(rows.eq('user_id', user.data), size, after);
        },
        options,
      );
    };
    return readList({ by: byCreation, read }, page, options);
  }
}
