import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type CreatedPlace, type List, type PageOptions, readList } from './core/pages.ts';
import type { Discount, DiscountChanges, DiscountDetails } from './discounts-rows.ts';
import type {
  EventEarnings,
  MyInvitation,
  MyOrganizer,
  Organizer,
  OrganizerDetails,
  OrganizerInvitation,
  OrganizerMember,
  OrganizerRole,
  TeamMember,
} from './organizers-rows.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** Organizers: who holds events, and who acts for them. A role counts for one organizer only. */
export class Organizers {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Makes an organizer, of which the caller is owner and admin.
   * Errors: `account_suspended`, `invalid_input`, `unknown_field`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: organizer } = await journey.organizers.create({ name: 'Nhà hát Sông Hồng' });
   * ```
   */
  create(details: OrganizerDetails, options?: CommandOptions): Promise<Result<Organizer>> {
    return this.#calls.rpc('create_organizer', { details }, options);
  }

  /**
   * Admin of the organizer: changes name or description.
   * Errors: `organizer_not_found`, `forbidden`, `invalid_input`, `unknown_field`.
   */
  update(
    organizerId: Uuid,
    changes: Partial<OrganizerDetails>,
    options?: CallOptions,
  ): Promise<Result<Organizer>> {
    return this.#calls.rpc('update_organizer', { organizer_id: organizerId, details: changes }, options);
  }

  /** The organizers that the caller acts for, newest first, with the role in each. */
  mine(options?: CallOptions): Promise<Result<MyOrganizer[]>> {
    return this.#calls.rpc('my_organizers', {}, options);
  }

  /**
   * The members of an organizer, oldest first.
   * Errors: `organizer_not_found`, `forbidden`.
   */
  team(organizerId: Uuid, options?: CallOptions): Promise<Result<TeamMember[]>> {
    return this.#calls.rpc('organizer_team', { organizer_id: organizerId }, options);
  }

  /**
   * Admin of the organizer: invites a mail address to a role, for 14 days. The answer is the same whether or not the
   * address has an account. A new invitation replaces the open one.
   * Errors: `organizer_not_found`, `forbidden`, `already_member`, `invalid_input`, `rate_limited`.
   */
  invite(
    input: { organizerId: Uuid; email: string; role: OrganizerRole },
    options?: CallOptions,
  ): Promise<Result<OrganizerInvitation>> {
    const args = { organizer_id: input.organizerId, email: input.email, role: input.role };
    return this.#calls.rpc('invite_member', args, options);
  }

  /**
   * Admin of the organizer: withdraws an open invitation.
   * Errors: `invitation_not_found`, `invitation_over`.
   */
  withdrawInvitation(invitationId: Uuid, options?: CallOptions): Promise<Result<OrganizerInvitation>> {
    return this.#calls.rpc('withdraw_invitation', { invitation_id: invitationId }, options);
  }

  /** The open invitations to the caller's verified mail address, newest first. */
  invitations(options?: CallOptions): Promise<Result<MyInvitation[]>> {
    return this.#calls.rpc('my_invitations', {}, options);
  }

  /**
   * Accepts or declines an invitation.
   * Errors: `invitation_not_found`, `invitation_over`, `account_suspended`, `invalid_input`.
   */
  answerInvitation(
    input: { invitationId: Uuid; accept: boolean },
    options?: CallOptions,
  ): Promise<Result<OrganizerMember>> {
    const args = { invitation_id: input.invitationId, accept: input.accept };
    return this.#calls.rpc('answer_invitation', args, options);
  }

  /**
   * Admin of the organizer: gives a member another role. It counts from the next call on.
   * Errors: `organizer_not_found`, `forbidden`, `organizer_owner_stays`, `not_found`, `invalid_input`.
   */
  setRole(
    input: { organizerId: Uuid; userId: Uuid; role: OrganizerRole },
    options?: CallOptions,
  ): Promise<Result<OrganizerMember>> {
    const args = { organizer_id: input.organizerId, user_id: input.userId, role: input.role };
    return this.#calls.rpc('set_organizer_role', args, options);
  }

  /**
   * Removes a member, or leaves with the caller's own id.
   * Errors: `organizer_not_found`, `forbidden`, `organizer_owner_stays`, `not_found`.
   */
  removeMember(input: { organizerId: Uuid; userId: Uuid }, options?: CallOptions): Promise<Result<null>> {
    const args = { organizer_id: input.organizerId, user_id: input.userId };
    return this.#calls.rpc('remove_organizer_member', args, options);
  }

  /**
   * What the events of an organizer earn, the latest first, for its admins: some days after its end the `net` of an event
   * is in the balance of the owner (`journey.payouts`), who is paid out to their own bank account.
   * Errors: `organizer_not_found`, `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.organizers.earnings({ organizerId });
   * for (const { title, net, waiting, due_at } of page?.rows ?? []) show(title, net, waiting, due_at);
   * ```
   */
  earnings(input: { organizerId: Uuid } & PageOptions, options?: CallOptions): List<EventEarnings> {
    const { organizerId, after, pageSize } = input;
    const read = (page_size: number, place?: object) =>
      this.#calls.rpc('organizer_earnings', { organizer_id: organizerId, after: place, page_size }, options);
    return readList({ by: ['ends_at', 'id'], read }, { after, pageSize }, options);
  }

  /**
   * Admin or editor of the organizer: makes a code for all its events, or for one. The organizer pays for it: it gets what
   * buyers pay.
   * Errors: `organizer_not_found`, `forbidden`, `discount_code_taken`, `invalid_input`, `unknown_field`.
   *
   * @example
   * ```ts
   * await journey.organizers.createDiscount({
   *   organizerId, details: { code: 'EARLY', title: 'Early birds', percent_bps: 2000, total_limit: 100, event_id: eventId },
   * });
   * ```
   */
  createDiscount(
    input: { organizerId: Uuid; details: Omit<DiscountDetails, 'scope'> & { event_id?: Uuid } },
    options?: CommandOptions,
  ): Promise<Result<Discount>> {
    const args = { organizer_id: input.organizerId, details: { ...input.details } };
    return this.#calls.rpc('create_organizer_discount', args, options);
  }

  /**
   * Admin or editor of the organizer: changes a code for what comes after, or pauses it. Orders keep what was agreed.
   * Errors: `discount_not_found`, `organizer_not_found`, `forbidden`, `invalid_input`, `unknown_field`.
   */
  updateDiscount(
    discountId: Uuid,
    changes: DiscountChanges & { is_paused?: boolean },
    options?: CallOptions,
  ): Promise<Result<Discount>> {
    const args = { discount_id: discountId, details: { ...changes } };
    return this.#calls.rpc('update_organizer_discount', args, options);
  }

  /**
   * The codes of an organizer, newest first, with how often each is used, for its admins, editors and viewers.
   * Errors: `organizer_not_found`, `forbidden`, `invalid_input`.
   */
  discounts(
    { organizerId, ...page }: PageOptions & { organizerId: Uuid },
    options?: CallOptions,
  ): List<Discount> {
    const read = (page_size: number, after?: CreatedPlace) =>
      this.#calls.rpc(
        'organizer_discounts',
        { organizer_id: organizerId, after: after && { ...after }, page_size },
        options,
      );
    return readList({ by: byCreation, read }, page, options);
  }
}
