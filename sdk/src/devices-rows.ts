import type { Nullable } from './core/shapes.ts';
import type { Rows } from './generated/database.ts';

/** A device that the signed-in person gets push notifications on. `is_current` marks the one of this session. */
export interface Device extends Omit<Nullable<Rows['my_devices'], 'app_version' | 'locale'>, 'platform'> {
  platform: 'ios' | 'android' | 'web';
}

declare module './core/shapes.ts' {
  interface Shapes {
    my_devices: Device;
  }
}
