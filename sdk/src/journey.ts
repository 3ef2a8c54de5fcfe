import { createClient, type SupabaseClient, type SupabaseClientOptions } from '@supabase/supabase-js';
import { Account } from './account.ts';
import { Addresses } from './addresses.ts';
import { Admin } from './admin.ts';
import { ApiKeys } from './api-keys.ts';
import { Auth } from './auth.ts';
import { Blocks } from './blocks.ts';
import { Bookings } from './bookings.ts';
import { Charges } from './charges.ts';
import { Chat } from './chat.ts';
import { CheckIn } from './check-in.ts';
import { Complaints } from './complaints.ts';
import { Calls } from './core/calls.ts';
import { defaultRetryPolicy, type RetryPolicy } from './core/wait.ts';
import type { Database } from './database.ts';
import { Devices } from './devices.ts';
import { Discounts } from './discounts.ts';
import { Events } from './events.ts';
import { Licences } from './licences.ts';
import { MediaFiles } from './media.ts';
import { Notifications } from './notifications.ts';
import { Orders } from './orders.ts';
import { Organizers } from './organizers.ts';
import { Otp } from './otp.ts';
import { Payments } from './payments.ts';
import { Payouts } from './payouts.ts';
import { Profiles } from './profiles.ts';
import { Quotes } from './quotes.ts';
import { UserInbox } from './realtime/user-inbox.ts';
import { Receipts } from './receipts.ts';
import { Refunds } from './refunds.ts';
import { Reports } from './reports.ts';
import { Reviews } from './reviews.ts';
import { SavedSearches } from './saved-searches.ts';
import { Tickets } from './tickets.ts';
import { Trust } from './trust.ts';
import { Vehicles } from './vehicles.ts';
import { WaitingLists } from './waiting-lists.ts';
import { WaitingRoom } from './waiting-room.ts';
import { Webhooks } from './webhooks.ts';

/** How calls behave. */
export interface CallBehaviour {
  /** Longest wait for one try of a call, in milliseconds. Default 15000; uploads 120000. */
  timeoutMs?: number;
  /** How often and how patiently calls are repeated. */
  retry?: Partial<RetryPolicy>;
}

type RealtimeOptions = NonNullable<SupabaseClientOptions<'public'>['realtime']>;

/**
 * A class of WebSocket: that of a runtime, or of the package `ws`. It asks only for what every such class has, because
 * the types of `ws` differ from those of browsers.
 */
export type WebSocketClass = new (
  address: string,
  protocols?: string | string[],
) => { readonly readyState: number; send(data: string): void; close(code?: number, reason?: string): void };

/** Where the backend is, and what the platform at hand lacks. */
export interface JourneyOptions extends CallBehaviour {
  /** E.g. `http://127.0.0.1:54321` or `https://<project>.supabase.co`. */
  url: string;
  /** The key that is no secret: `sb_publishable_…`. */
  publishableKey: string;
  /** Supabase Auth's options; React Native gives its `storage` here. */
  auth?: NonNullable<SupabaseClientOptions<'public'>['auth']>;
  /** Where the runtime has no WebSocket: `realtime: { transport: WebSocket }` with the one of the package `ws`. */
  realtime?: Omit<RealtimeOptions, 'transport'> & { transport?: WebSocketClass };
  /** A `fetch` of your own. */
  fetch?: typeof fetch;
}

/** The client: one property per module of the backend. Make it with {@link createJourney}. */
export class Journey {
  /** The client underneath, for what this package leaves to it (OAuth, MFA, own queries). */
  readonly supabase: SupabaseClient<Database>;
  readonly auth: Auth;
  readonly account: Account;
  readonly otp: Otp;
  readonly profiles: Profiles;
  readonly licences: Licences;
  readonly addresses: Addresses;
  readonly blocks: Blocks;
  readonly devices: Devices;
  readonly media: MediaFiles;
  readonly vehicles: Vehicles;
  readonly discounts: Discounts;
  readonly quotes: Quotes;
  readonly bookings: Bookings;
  readonly charges: Charges;
  readonly organizers: Organizers;
  readonly events: Events;
  readonly orders: Orders;
  readonly payments: Payments;
  readonly refunds: Refunds;
  readonly receipts: Receipts;
  readonly payouts: Payouts;
  readonly notifications: Notifications;
  readonly complaints: Complaints;
  readonly reports: Reports;
  readonly reviews: Reviews;
  readonly savedSearches: SavedSearches;
  readonly tickets: Tickets;
  readonly checkIn: CheckIn;
  readonly trust: Trust;
  readonly chat: Chat;
  readonly waitingLists: WaitingLists;
  readonly waitingRoom: WaitingRoom;
  readonly apiKeys: ApiKeys;
  readonly webhooks: Webhooks;
  readonly admin: Admin;
  readonly #calls: Calls;
  readonly #inbox: UserInbox;
  readonly #ownsClient: boolean;

  /** `ownsClient`: nobody else uses the Supabase client, so that `close` ends it too. */
  constructor(supabase: SupabaseClient, behaviour: CallBehaviour = {}, ownsClient = false) {
    const calls = new Calls(supabase, behaviour.timeoutMs ?? 15_000, {
      ...defaultRetryPolicy,
      ...behaviour.retry,
    });
    const inbox = new UserInbox(supabase);
    this.supabase = supabase as SupabaseClient<Database>;
    this.#calls = calls;
    this.#inbox = inbox;
    this.#ownsClient = ownsClient;
    this.auth = new Auth(calls);
    this.otp = new Otp(calls);
    this.profiles = new Profiles(calls);
    this.licences = new Licences(calls);
    this.addresses = new Addresses(calls);
    this.blocks = new Blocks(calls);
    this.devices = new Devices(calls);
    this.media = new MediaFiles(calls);
    this.account = new Account(calls, this.media);
    this.vehicles = new Vehicles(calls, this.media);
    this.discounts = new Discounts(calls);
    this.quotes = new Quotes(calls);
    this.bookings = new Bookings(calls);
    this.charges = new Charges(calls);
    this.organizers = new Organizers(calls);
    this.events = new Events(calls);
    this.orders = new Orders(calls);
    this.payments = new Payments(calls, inbox);
    this.refunds = new Refunds(calls);
    this.receipts = new Receipts(calls);
    this.payouts = new Payouts(calls);
    this.notifications = new Notifications(calls, inbox);
    this.complaints = new Complaints(calls);
    this.reports = new Reports(calls);
    this.reviews = new Reviews(calls);
    this.savedSearches = new SavedSearches(calls);
    this.tickets = new Tickets(calls);
    this.checkIn = new CheckIn(calls, this.tickets);
    this.trust = new Trust(calls);
    this.chat = new Chat(calls, inbox);
    this.waitingLists = new WaitingLists(calls);
    this.waitingRoom = new WaitingRoom(calls, inbox);
    this.apiKeys = new ApiKeys(calls);
    this.webhooks = new Webhooks(calls);
    this.admin = new Admin(calls);
  }

  /**
   * Ends all that the client holds open, at once, so that a Node process can exit by itself: subscriptions (`ended`),
   * calls and waits under way (`aborted`), the live connection, and the refreshing of tokens. The session stays stored. A
   * closed client answers `aborted` to every call. Of a Supabase client that you passed in, only what this client
   * opened ends.
   *
   * @example `await journey.close()`
   */
  async close(): Promise<void> {
    this.#calls.close();
    this.#inbox.close({ withConnection: this.#ownsClient });
    if (!this.#ownsClient) return;
    await Promise.all([disconnect(this.supabase.realtime), this.supabase.auth.dispose()]);
  }
}

/** What realtime-js keeps to itself: its socket, and the timer that closes an idle one. */
interface RealtimeInside {
  socketAdapter?: {
    disconnect?(closed: () => void, code?: number, reason?: string, timeoutMs?: number): Promise<unknown>;
  };
  _cancelPendingDisconnect?(): void;
}
const socketCloseMs = 1000;

/** Leaves no timer behind, neither of a channel that waits for an answer nor of the connection. */
async function disconnect(realtime: SupabaseClient['realtime']): Promise<void> {
  for (const channel of realtime.getChannels()) channel.teardown();
  // Its own disconnect() leaves a timer of ten seconds, during which a process would not exit.
  const inside = realtime as unknown as RealtimeInside;
  if (!inside.socketAdapter?.disconnect || realtime.worker) {
    await realtime.disconnect();
    return;
  }
  inside._cancelPendingDisconnect?.();
  await inside.socketAdapter.disconnect(() => {}, undefined, undefined, socketCloseMs);
}

/**
 * Makes a client, from an address and the publishable key, or from a Supabase client you have already.
 * Throws TypeError when one of them is missing, and when given a secret key: it must never be in an app.
 *
 * @example
 * ```ts
 * const journey = createJourney({ url: 'http://127.0.0.1:54321', publishableKey: 'sb_publishable_…' });
 * const { error } = await journey.auth.signIn({ email, password });
 * ```
 * @example
 * ```ts
 * const journey = createJourney({ supabase, timeoutMs: 10_000 });
 * ```
 */
export function createJourney(
  options: JourneyOptions | (CallBehaviour & { supabase: SupabaseClient }),
): Journey {
  if ('supabase' in options) {
    requireGiven(options, 'supabase');
    return new Journey(options.supabase, options);
  }
  requireGiven(options, 'url', 'publishableKey');
  const { url, publishableKey, auth, realtime, fetch } = options;
  if (publishableKey.startsWith('sb_secret_')) {
    throw new TypeError(
      'This is a secret key, which gives everybody who reads the app full access. Use the publishable key.',
    );
  }
  const supabase = createClient(url, publishableKey, {
    auth,
    // Without a WebSocket everything except the live connection works, so this throws only when one is opened.
    realtime: {
      ...realtime,
      transport: (realtime?.transport ??
        globalThis.WebSocket ??
        MissingWebSocket) as RealtimeOptions['transport'],
    },
    ...(fetch ? { global: { fetch } } : {}),
    db: { retry: false },
  });
  return new Journey(supabase, options, true);
}

/** An app that reads its settings from its environment passes undefined when one is not set there. */
function requireGiven<O extends object>(options: O, ...names: (keyof O & string)[]): void {
  const missing = names.filter((name) => !options[name]);
  if (missing.length === 0) return;
  throw new TypeError(
    `createJourney needs ${missing.join(' and ')}: not given, or empty. Is the setting of your app that holds it set?`,
  );
}

class MissingWebSocket {
  constructor() {
    throw new Error('No WebSocket here: pass realtime: { transport } with the one of the package ws.');
  }
}
