import type { CallOptions, Calls } from './core/calls.ts';
import type { Device } from './devices-rows.ts';
import { type Result, succeed } from './result.ts';
import type { Uuid } from './values.ts';

/** Where push notifications go, and what is known of the app there. */
export interface DeviceRegistration {
  platform: 'ios' | 'android' | 'web';
  /** For a phone what `Notifications.getExpoPushTokenAsync()` of Expo gives, for `web` the endpoint of the subscription. */
  token: string;
  /** For `web`: `keys.p256dh` of the subscription. */
  p256dh?: string;
  /** For `web`: `keys.auth` of the subscription. */
  authSecret?: string;
  appVersion?: string;
  /** A language tag, such as `vi` or `en-US`. */
  locale?: string;
}

/** The devices that the signed-in person gets push notifications on. */
export class Devices {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Has push notifications sent to this device, until this session signs out; answers the id of the device. Call it at each
   * start of the app, and when the token changes. A token of somebody who used the device before changes hands.
   * Errors: `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * await journey.devices.register({ platform: 'ios', token: pushToken, appVersion: '1.4.0', locale: 'vi' });
   * ```
   * @example
   * ```ts
   * const { endpoint, keys } = subscription.toJSON(); // of a browser's pushManager.subscribe()
   * await journey.devices.register({ platform: 'web', token: endpoint, p256dh: keys.p256dh, authSecret: keys.auth });
   * ```
   */
  register(device: DeviceRegistration, options?: CallOptions): Promise<Result<Uuid>> {
    return this.#calls.rpc(
      'register_device',
      {
        platform: device.platform,
        token: device.token,
        p256dh: device.p256dh,
        auth_secret: device.authSecret,
        app_version: device.appVersion,
        locale: device.locale,
      },
      options,
    );
  }

  /**
   * The key with which a browser subscribes to push notifications.
   * Errors: `web_push_unavailable`.
   *
   * @example
   * ```ts
   * const { data: applicationServerKey } = await journey.devices.webPushKey();
   * const registration = await navigator.serviceWorker.ready;
   * const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
   * ```
   */
  async webPushKey(options?: CallOptions): Promise<Result<string>> {
    const result = await this.#calls.read<{ key: string }>('push/web-key', options);
    return result.error ? result : succeed(result.data.key);
  }

  /** All of them, at most 20, the one seen last first. Tokens are not shown. */
  list(options?: CallOptions): Promise<Result<Device[]>> {
    return this.#calls.rpc('my_devices', {}, options);
  }

  /**
   * Sends no more push notifications to a device. Signing out does the same for the device of the session. Repeatable.
   */
  unregister(deviceId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('unregister_device', { device_id: deviceId }, options);
  }
}
