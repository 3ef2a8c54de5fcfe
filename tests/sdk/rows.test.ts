import { describe, expectTypeOf, it } from 'vitest';
import type { Shapes } from '../../sdk/src/core/shapes.ts';
import type { Rows, Tables } from '../../sdk/src/generated/database.ts';
import type * as sdk from '../../sdk/src/index.ts';

/** Fields of the shape a resource declares that the database does not have. */
type Invented<Name extends keyof Shapes, Row> = Exclude<keyof Shapes[Name], keyof Row>;
type InventedInTables = { [Name in keyof Shapes & keyof Tables]: Invented<Name, Tables[Name]> };
type InventedInRows = { [Name in keyof Shapes & keyof Rows]: Invented<Name, Rows[Name]> };
/** Fields that only the database has. */
type Hidden<Name extends keyof Shapes & keyof Tables> = Exclude<keyof Tables[Name], keyof Shapes[Name]>;

// Checked by the compiler (npm run check).
describe('the rows of the package', () => {
  it('have no field that the database does not have', () => {
    expectTypeOf<InventedInTables[keyof InventedInTables]>().toBeNever();
    expectTypeOf<InventedInRows[keyof InventedInRows]>().toBeNever();
  });

  it('leave out what is of no use to an app', () => {
    expectTypeOf<Hidden<'vehicles'>>().toEqualTypeOf<'search_text' | 'is_listed'>();
    expectTypeOf<Hidden<'payouts'>>().toEqualTypeOf<'sending'>();
    expectTypeOf<Hidden<'bookings'>>().toBeNever();
    expectTypeOf<keyof sdk.DriverLicence & 'number_hash'>().toBeNever();
  });

  it('have the values that constraints, registries and state machines allow', () => {
    expectTypeOf<sdk.VehicleKind>().toEqualTypeOf<'car' | 'motorbike'>();
    // modules add to this registry
    expectTypeOf<'vehicle_image'>().toExtend<sdk.MediaPurpose>();
    expectTypeOf<string>().not.toExtend<sdk.MediaPurpose>();
    expectTypeOf<sdk.LicenceStatus>().toEqualTypeOf<sdk.StateOf<'driver_licence'>>();
    expectTypeOf<sdk.Booking['cancelled_by']>().toEqualTypeOf<'renter' | 'host' | 'admin' | null>();
  });

  it('need of a new vehicle what has no default and may not be null', () => {
    type Required = { [Key in keyof sdk.NewVehicle]-?: undefined extends sdk.NewVehicle[Key] ? never : Key };
    expectTypeOf<Required[keyof Required]>().toEqualTypeOf<
      | 'kind'
      | 'brand'
      | 'model'
      | 'year'
      | 'seats'
      | 'transmission'
      | 'fuel'
      | 'title'
      | 'city'
      | 'price_per_hour'
      | 'price_per_day'
      | keyof sdk.VehiclePlace
    >();
    expectTypeOf<keyof sdk.NewVehicle & ('id' | 'status' | 'rating_average')>().toBeNever();
  });

  it('let a search filter on what the function takes, with the types of the columns', () => {
    expectTypeOf<sdk.VehicleSearch['fuel']>().toEqualTypeOf<sdk.Fuel | undefined>();
    expectTypeOf<sdk.VehicleSearch['minSeats']>().toEqualTypeOf<number | null | undefined>();
  });
});
