import type { CallOptions, Calls } from './core/calls.ts';
import { type List, type PageOptions, readList } from './core/pages.ts';
import type { Tables } from './generated/database.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** The role of a person: `admin` may do everything, `support` reads cases and reviews licences and listings. */
export type UserRole = Tables['user_roles'];

/** A change of a role; the reason is for the log. */
export interface RoleChange {
  userId: Uuid;
  role: UserRole['role'];
  /** 1 to 500 characters. */
  reason: string;
}

/** Who is admin or support. */
export class AdminRoles {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Everybody with a role, person by person.
   * Errors: `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<UserRole> {
    const read = (size: number, after?: Pick<UserRole, 'user_id' | 'role'>) =>
      this.#calls.table<UserRole[]>(
        'read',
        (client) => {
          const rows = client.from('user_roles').select().order('user_id').order('role').limit(size);
          return after
            ? rows.or(`user_id.gt.${after.user_id},and(user_id.eq.${after.user_id},role.gt.${after.role})`)
            : rows;
        },
        options,
      );
    return readList({ by: ['user_id', 'role'], read }, page, options);
  }

  /**
   * Makes another person admin or support, at once. Safe to repeat.
   * Errors: `forbidden`, `not_found`, `invalid_input`.
   */
  grant({ userId, role, reason }: RoleChange, options?: CallOptions): Promise<Result<UserRole>> {
    return this.#calls.rpc('grant_role', { user_id: userId, role, reason }, options);
  }

  /**
   * Takes a role away, at once. Safe to repeat. The last admin stays.
   * Errors: `forbidden`, `not_found`, `invalid_input`, `last_admin`.
   */
  revoke({ userId, role, reason }: RoleChange, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('revoke_role', { user_id: userId, role, reason }, options);
  }
}
