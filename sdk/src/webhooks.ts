import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import type { Result } from './result.ts';
import { type Instant, toTimestamp } from './time.ts';
import type { Uuid } from './values.ts';
import type {
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
  WebhookEventType,
  WebhookOwner,
} from './webhooks-rows.ts';

/** Whose endpoints are meant. Default: the signed-in person's. */
export type WebhookOwnership =
  | { owner?: Exclude<WebhookOwner, 'organizer'> }
  | { owner: 'organizer'; ownerId: Uuid };

function ownership(of: WebhookOwnership): { owner?: WebhookOwner; owner_id?: Uuid } {
  if (of.owner === 'organizer') return { owner: of.owner, owner_id: of.ownerId };
  return of.owner === undefined ? {} : { owner: of.owner };
}

/**
 * Servers that are told what happens, signed as Standard Webhooks says: of a host's vehicles and trips, of an organizer's
 * events and orders, or, for admins, of everything.
 */
export class Webhooks {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** The types of events that an endpoint of such an owner can have. */
  eventTypes(owner: WebhookOwner = 'user', options?: CallOptions): Promise<Result<WebhookEventType[]>> {
    return this.#calls.rpc('webhook_event_types', { owner }, options);
  }

  /**
   * Has events sent to a server; `secret` of the answer is shown this once. The session needs a step-up code
   * (`otp.send({ purpose: 'step_up' })`, then `otp.verify`).
   * Errors: `step_up_required`, `forbidden`, `too_many_webhook_endpoints`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: endpoint } = await journey.webhooks.create({
   *   name: 'Fleet software', url: 'https://fleet.example.com/journey', eventTypes: ['booking.confirm', 'booking.cancel'],
   * });
   * if (endpoint?.secret) show(endpoint.secret);
   * ```
   */
  create(
    input: { name: string; url: string; eventTypes: string[] } & WebhookOwnership,
    options?: CommandOptions,
  ): Promise<Result<WebhookEndpointWithSecret>> {
    const { name, url, eventTypes } = input;
    return this.#calls.rpc(
      'create_webhook_endpoint',
      { name, url, event_types: eventTypes, ...ownership(input) },
      options,
    );
  }

  /**
   * The endpoints of an owner, oldest first.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(of: WebhookOwnership = {}, options?: CallOptions): Promise<Result<WebhookEndpoint[]>> {
    return this.#calls.rpc('list_webhook_endpoints', ownership(of), options);
  }

  /**
   * Changes name or types, or switches the endpoint off or on. While it is off, events are held: `resendAll` sends them.
   * Errors: `webhook_endpoint_not_found`, `invalid_input`, `unknown_field`, `rate_limited`.
   */
  update(
    endpointId: Uuid,
    changes: { name?: string; eventTypes?: string[]; enabled?: boolean },
    options?: CallOptions,
  ): Promise<Result<WebhookEndpoint>> {
    const { name, eventTypes: event_types, enabled } = changes;
    const details = { name, event_types, enabled };
    return this.#calls.rpc('update_webhook_endpoint', { endpoint_id: endpointId, details }, options);
  }

  /**
   * Makes a new secret. For a day events are signed with both, so that the server can change over without a gap. The
   * session needs a step-up code.
   * Errors: `step_up_required`, `webhook_endpoint_not_found`, `rate_limited`.
   */
  rotateSecret(endpointId: Uuid, options?: CommandOptions): Promise<Result<WebhookEndpointWithSecret>> {
    return this.#calls.rpc('rotate_webhook_secret', { endpoint_id: endpointId }, options);
  }

  /**
   * Deletes the endpoint with its events.
   * Errors: `webhook_endpoint_not_found`.
   */
  async delete(endpointId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return mapResult(
      await this.#calls.rpc('delete_webhook_endpoint', { endpoint_id: endpointId }, options),
      () => null,
    );
  }

  /**
   * The events of an endpoint, newest first, with what its server answered; kept for 30 days unless the operator changed it.
   * Errors: `webhook_endpoint_not_found`, `invalid_input`.
   */
  deliveries(
    {
      endpointId,
      statuses,
      ...page
    }: { endpointId: Uuid; statuses?: WebhookDelivery['status'][] } & PageOptions,
    options?: CallOptions,
  ): List<WebhookDelivery> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc(
        'list_webhook_deliveries',
        { endpoint_id: endpointId, statuses, after, page_size },
        options,
      );
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Sends an event of type `test`, and answers its id.
   * Errors: `webhook_endpoint_not_found`, `webhook_endpoint_disabled`, `rate_limited`.
   */
  sendTest(endpointId: Uuid, options?: CallOptions): Promise<Result<Uuid>> {
    return this.#calls.rpc('send_test_webhook', { endpoint_id: endpointId }, options);
  }

  /**
   * Sends one event once more, with the same id, signed with the current secret.
   * Errors: `webhook_delivery_not_found`, `webhook_endpoint_disabled`, `rate_limited`.
   */
  async resend(deliveryId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return mapResult(
      await this.#calls.rpc('resend_webhook', { delivery_id: deliveryId }, options),
      () => null,
    );
  }

  /**
   * Sends the events that failed or were held since a time, oldest first. While `more` is true, call again.
   * Errors: `webhook_endpoint_not_found`, `webhook_endpoint_disabled`, `invalid_input`, `rate_limited`.
   */
  resendAll(
    input: { endpointId: Uuid; since: Instant },
    options?: CallOptions,
  ): Promise<Result<{ queued: number; more: boolean }>> {
    const args = { endpoint_id: input.endpointId, since: toTimestamp(input.since) };
    return this.#calls.rpc('resend_webhooks', args, options);
  }
}
