import type { Tables } from './generated/database.ts';

/** A submitted driver licence. The number itself is never returned. */
export type DriverLicence = Tables['driver_licences'];
export type LicenceStatus = DriverLicence['status'];
