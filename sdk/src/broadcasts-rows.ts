import type { Tables } from './generated/database.ts';

/** What a person of a segment fulfils. All that are named must hold; none is everybody. */
export interface BroadcastSegment {
  /** Who reads one of these languages. */
  locales?: readonly ('vi' | 'en')[];
  /** Staff with one of these roles. */
  roles?: readonly ('admin' | 'support')[];
  /** Who has an address in one of these provinces or cities. */
  provinces?: readonly string[];
  /** Who offers a vehicle. */
  hosts?: true;
  /** Who offers a vehicle in one of these cities. */
  hosts_in?: readonly string[];
  /** Who had a booking confirmed. */
  renters?: true;
  /** Who rented in one of these cities. */
  rented_in?: readonly string[];
  /** Days, 1 to 3650. */
  joined_within_days?: number;
  active_within_days?: number;
  inactive_for_days?: number;
}

/** The texts of a broadcast in one language. Nothing is filled in. */
export interface BroadcastTexts {
  /** At most 100 characters. */
  title: string;
  /** At most 500 characters. */
  body: string;
  /** At most 150 characters. Without subject and body nobody gets a mail. */
  email_subject?: string | null;
  /** At most 10,000 characters. */
  email_body?: string | null;
}

/** A broadcast and its progress: `written` people were told and `skipped` were not, by reason, of `total`. */
export interface Broadcast
  extends Omit<Tables['notification_broadcasts'], 'segment' | 'skipped' | 'category'> {
  category: 'service' | 'marketing';
  segment: BroadcastSegment;
  skipped: Partial<Record<'no_consent' | 'suspended', number>>;
}

/** Whom a broadcast would reach now. */
export interface BroadcastPreview {
  /** People of the segment. */
  total: number;
  /** How many of them would not be told, by reason. */
  skipped: Broadcast['skipped'];
  texts: Record<'vi' | 'en', BroadcastTexts>;
}

declare module './core/shapes.ts' {
  interface Shapes {
    notification_broadcasts: Broadcast;
  }
}
