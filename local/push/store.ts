import { createECDH, randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How the next request for a target is answered, in place of what it would be answered. */
export interface PlannedAnswer {
  status: number;
  retryAfter?: number;
  /** Where a redirect leads. */
  location?: string;
}

/** A subscription as the browser has it, with what the push service knows of it. */
export interface Subscription {
  id: string;
  endpoint: string;
  /** The VAPID key with which the page subscribed. */
  applicationServerKey: string;
  privateKey: string;
  p256dh: string;
  auth: string;
  /** It was ended by the browser: 410. */
  isGone: boolean;
  planned: PlannedAnswer[];
}

/** How Expo answers for a token. A token that nothing was set for works. */
export interface TokenState {
  /** The error of its tickets, such as `DeviceNotRegistered`. */
  ticketError: string | null;
  /** The error of its receipts. */
  receiptError: string | null;
  planned: PlannedAnswer[];
}

/** A push that reached a device. */
export interface CaughtPush {
  id: string;
  created_at: string;
  service: 'web' | 'expo';
  /** The endpoint of the subscription, or the token of Expo. */
  to: string;
  ttl: number;
  urgency: string;
  topic: string | null;
  /** What the service worker or the phone got. */
  payload: Record<string, unknown>;
}

interface State {
  subscriptions: Record<string, Subscription>;
  tokens: Record<string, TokenState>;
  receipts: Record<string, { error: string | null }>;
  pushes: CaughtPush[];
}

const kept = { pushes: 200, receipts: 1000 };

/** What a push service and its devices remember, in one file. */
export class PushStore {
  readonly #file: string;
  readonly #state: State = { subscriptions: {}, tokens: {}, receipts: {}, pushes: [] };

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true });
    this.#file = join(dir, 'push.json');
    try {
      Object.assign(this.#state, JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch {
      // none yet, or one that a killed run wrote in part
    }
  }

  #save(): void {
    writeFileSync(this.#file, JSON.stringify(this.#state, null, 2), { mode: 0o600 });
  }

  /** Does what `pushManager.subscribe({ applicationServerKey })` does in a browser. */
  subscribe(applicationServerKey: string, origin: string): Subscription {
    const id = randomUUID();
    const keys = createECDH('prime256v1');
    keys.generateKeys();
    const subscription: Subscription = {
      id,
      endpoint: `${origin}/${id}`,
      applicationServerKey,
      privateKey: keys.getPrivateKey('base64url'),
      p256dh: keys.getPublicKey('base64url'),
      auth: randomBytes(16).toString('base64url'),
      isGone: false,
      planned: [],
    };
    this.#state.subscriptions[id] = subscription;
    this.#save();
    return subscription;
  }

  subscription(id: string): Subscription | undefined {
    return this.#state.subscriptions[id];
  }

  change(id: string, changes: Partial<Pick<Subscription, 'isGone' | 'planned'>>): boolean {
    const found = this.#state.subscriptions[id];
    if (!found) return false;
    Object.assign(found, changes);
    this.#save();
    return true;
  }

  token(token: string): TokenState {
    return this.#state.tokens[token] ?? { ticketError: null, receiptError: null, planned: [] };
  }

  setToken(token: string, changes: Partial<TokenState>): void {
    this.#state.tokens[token] = { ...this.token(token), ...changes };
    this.#save();
  }

  /** The answer that is planned for the next request, which it uses up. */
  takePlanned(target: Pick<Subscription | TokenState, 'planned'>): PlannedAnswer | undefined {
    const next = target.planned.shift();
    if (next) this.#save();
    return next;
  }

  /** A ticket of Expo, whose receipt will be this. */
  ticket(error: string | null): string {
    const id = randomUUID();
    this.#state.receipts[id] = { error };
    const ids = Object.keys(this.#state.receipts);
    for (const old of ids.slice(0, -kept.receipts)) delete this.#state.receipts[old];
    this.#save();
    return id;
  }

  receipt(id: string): { error: string | null } | undefined {
    return this.#state.receipts[id];
  }

  catch(push: Omit<CaughtPush, 'id' | 'created_at'>): string {
    const id = randomUUID();
    this.#state.pushes.push({ id, created_at: new Date().toISOString(), ...push });
    this.#state.pushes = this.#state.pushes.slice(-kept.pushes);
    this.#save();
    return id;
  }

  /** Newest first; `to` narrows to one device. */
  list(to?: string): CaughtPush[] {
    return this.#state.pushes.filter((push) => to === undefined || push.to === to).reverse();
  }
}
