/** What a person sees on a device, and what an app needs to open the right screen. */
export interface PushMessage {
  title: string;
  body: string;
  /** Ids and names of kinds; an app opens a screen with them. No text of people. */
  data: Record<string, unknown>;
  /** How many notifications the person has not read. */
  badge: number;
  /** A later push with the same id takes the place of this one. At most 32 letters, digits, `-` and `_`. */
  collapseId: string;
  /** The category of the notification: a channel of Android, a thread of iOS. */
  category: string;
  /** The language of title and body. */
  locale: string;
  /** `high` wakes a device that saves power. */
  urgency: 'normal' | 'high';
  /** How long a push service keeps it for a device that is off. */
  ttlSeconds: number;
}

/** Where a push goes. DO NOT log it: anybody who knows it can send to the device. */
export type PushTarget =
  | { kind: 'expo'; token: string }
  | { kind: 'web'; endpoint: string; p256dh: string; authSecret: string };

export type PushResult =
  /** `id` is the ticket of Expo or the address of the message at a push service of browsers. */
  | { kind: 'sent'; id: string | null }
  /** The service no longer knows the device. */
  | { kind: 'gone'; reason: string }
  /** Sending the same again cannot help. */
  | { kind: 'refused'; reason: string }
  /** Another try may succeed. */
  | { kind: 'retry'; reason: string }
  /** The service asks to wait. The push itself has not failed. */
  | { kind: 'wait'; seconds: number; reason: string }
  /** An operator must act. */
  | { kind: 'not_configured'; reason: string };

/** What became of a push after the service took it. */
export type PushReceipt =
  | { kind: 'delivered' }
  | { kind: 'gone'; reason: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'retry'; reason: string };

export interface PushSender {
  send(message: PushMessage, target: PushTarget): Promise<PushResult>;
  /** Expo's receipts of tickets. A ticket without a receipt yet is left out. Throws when Expo cannot be asked. */
  receipts(tickets: readonly string[]): Promise<ReadonlyMap<string, PushReceipt>>;
  /** The public key with which a browser subscribes; null without one. */
  readonly webPushKey: string | null;
  /** What is wrong with the settings. The texts name the variables. */
  readonly problems: readonly string[];
}

// Push services of browsers and those of phones take 4096 bytes. The encryption of a web push takes 103 of them, and the
// names of the fields some too.
const maxTitleBytes = 400;
const maxBodyBytes = 1800;

const encoder = new TextEncoder();

/** The beginning of a text, with `…` where something is cut off. Characters stay whole. */
function cut(text: string, maxBytes: number): string {
  if (encoder.encode(text).byteLength <= maxBytes) return text;
  let kept = '';
  let bytes = 3;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    bytes += encoder.encode(segment).byteLength;
    if (bytes > maxBytes) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/** A message whose texts are short enough for every push service. */
export function fitted(message: PushMessage): PushMessage {
  return { ...message, title: cut(message.title, maxTitleBytes), body: cut(message.body, maxBodyBytes) };
}

/** The seconds of a Retry-After header, which may also be a date; 60 when there is none to read. */
export function retryAfterSeconds(header: string | null, now: number): number {
  const text = header?.trim() ?? '';
  const seconds = /^[0-9]{1,7}$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 1), 86_400) : 60;
}
