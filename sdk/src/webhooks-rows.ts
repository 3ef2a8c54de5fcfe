import type { Rows } from './generated/database.ts';
import type { Timestamp, Uuid } from './values.ts';

/** Whose events there are: of the signed-in person, of an organizer, or of the platform (every event). */
export type WebhookOwner = 'user' | 'organizer' | 'platform';

/** A server to which events are sent. */
export interface WebhookEndpoint {
  id: Uuid;
  owner: WebhookOwner;
  /** The person or the organizer; null for the platform. */
  owner_id: Uuid | null;
  name: string;
  url: string;
  /** `*` stands for everything of the owner. */
  event_types: string[];
  /** Nothing was accepted since then. Null while its server works. */
  failing_since: Timestamp | null;
  /** Nothing is sent since then; events are held. Null while it is on. */
  disabled_at: Timestamp | null;
  /** `gone`: its server answered 410. */
  disabled_reason: 'owner' | 'failing' | 'gone' | null;
  created_at: Timestamp;
}

/** An endpoint with the secret that was made for it. */
export interface WebhookEndpointWithSecret extends WebhookEndpoint {
  /** Keep it where secrets are kept. Null when the call was a repeat, because it is shown once. */
  secret: string | null;
}

/** An event of an endpoint, and what became of it. */
export interface WebhookDelivery
  extends Omit<
    Rows['list_webhook_deliveries'],
    'status' | 'data' | 'http_status' | 'problem' | 'next_at' | 'delivered_at'
  > {
  /** `held`: the endpoint was off. */
  status: 'pending' | 'delivered' | 'failed' | 'held';
  /** What the receiver gets as `data`: ids, status, times and sums of the row. */
  data: Record<string, unknown>;
  /** What the server answered the last time. */
  http_status: number | null;
  /** Why the last try failed. */
  problem: string | null;
  /** When it is sent, for one that is pending. */
  next_at: Timestamp | null;
  delivered_at: Timestamp | null;
}

/** A type of event, and the status that the row has after it. */
export type WebhookEventType = Rows['webhook_event_types'];

declare module './core/shapes.ts' {
  interface Shapes {
    create_webhook_endpoint: WebhookEndpointWithSecret;
    rotate_webhook_secret: WebhookEndpointWithSecret;
    update_webhook_endpoint: WebhookEndpoint;
    list_webhook_endpoints: WebhookEndpoint;
    list_webhook_deliveries: WebhookDelivery;
    resend_webhooks: { queued: number; more: boolean };
    send_test_webhook: Uuid;
  }
}
