import type { AuthorizationContext, Authorizer, Extension } from './authorize.ts';

/** What a caller may do on one topic, remembered until the caller's token changes. */
export interface Access {
  mayRead(extension: Extension): boolean;
  /** Evaluates whether the caller may read presence, when the join did not because presence was off. */
  learnPresence(): Promise<void>;
  /** Asks the database once, at the first write. */
  mayWrite(extension: Extension): Promise<boolean>;
}

/** A public topic: no check. */
export const publicAccess: Access = {
  mayRead: () => true,
  learnPresence: async () => undefined,
  mayWrite: async () => true,
};

/** A private topic: the row policies decide. */
export async function evaluateAccess(
  authorizer: Authorizer,
  context: AuthorizationContext,
  extensions: readonly Extension[],
): Promise<Access> {
  const readable = await authorizer.readable(context, extensions);
  const known = new Set(extensions);
  const writable = new Map<Extension, boolean>();
  return {
    mayRead: (extension) => readable.has(extension),
    async learnPresence() {
      if (known.has('presence')) return;
      for (const extension of await authorizer.readable(context, ['presence'])) readable.add(extension);
      known.add('presence');
    },
    async mayWrite(extension) {
      const answer = writable.get(extension) ?? (await authorizer.writable(context, extension));
      writable.set(extension, answer);
      return answer;
    },
  };
}
