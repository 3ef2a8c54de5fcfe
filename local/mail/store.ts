import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A caught mail. */
export interface Mail {
  id: string;
  created_at: string;
  from: string;
  to: string[];
  cc: string[];
  bcc: string[];
  reply_to: string[];
  subject: string;
  text: string | null;
  html: string | null;
  headers: Record<string, string>;
  tags: unknown[];
}

export type Accepted = { ids: string[]; isNew: boolean } | { conflict: true };

const keptMails = 500;
const keptKeyMs = 24 * 3600 * 1000;

/** Mails as JSON files, newest last by name, and the idempotency keys of one day. */
export class MailStore {
  readonly #dir: string;
  readonly #keys = new Map<string, { hash: string; ids: string[]; at: number }>();
  #sequence = 0;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  #files(): string[] {
    return readdirSync(this.#dir)
      .filter((name) => name.endsWith('.json'))
      .sort();
  }

  /** Newest first; `to` narrows to one address. */
  list(to?: string): Mail[] {
    const mails = this.#files()
      .reverse()
      .map((name) => JSON.parse(readFileSync(join(this.#dir, name), 'utf8')) as Mail);
    if (!to) return mails;
    const wanted = to.toLowerCase();
    return mails.filter((mail) =>
      [...mail.to, ...mail.cc, ...mail.bcc].some((address) => address.toLowerCase().includes(wanted)),
    );
  }

  find(id: string): Mail | undefined {
    return this.list().find((mail) => mail.id === id);
  }

  clear(): void {
    for (const name of this.#files()) rmSync(join(this.#dir, name), { force: true });
  }

  /**
   * Stores mails once per idempotency key. The same key with the same mails answers the same ids; the same key
   * with other mails is a conflict.
   */
  accept(mails: Omit<Mail, 'id' | 'created_at'>[], key: string | null): Accepted {
    const now = Date.now();
    for (const [name, entry] of this.#keys) if (now - entry.at > keptKeyMs) this.#keys.delete(name);
    const hash = createHash('sha256').update(JSON.stringify(mails)).digest('hex');
    const known = key === null ? undefined : this.#keys.get(key);
    if (known) return known.hash === hash ? { ids: known.ids, isNew: false } : { conflict: true };
    const ids = mails.map((mail) => this.#write(mail, now));
    if (key !== null) this.#keys.set(key, { hash, ids, at: now });
    for (const name of this.#files().slice(0, -keptMails)) rmSync(join(this.#dir, name), { force: true });
    return { ids, isNew: true };
  }

  #write(mail: Omit<Mail, 'id' | 'created_at'>, now: number): string {
    const id = randomUUID();
    this.#sequence += 1;
    const name = `${now}-${String(this.#sequence).padStart(6, '0')}-${id}.json`;
    const stored: Mail = { id, created_at: new Date(now).toISOString(), ...mail };
    writeFileSync(join(this.#dir, name), JSON.stringify(stored, null, 2));
    return id;
  }
}
