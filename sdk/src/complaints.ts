import type {
  CheckedRecord,
  Complaint,
  ComplaintCategory,
  ComplaintDetail,
  ComplaintKind,
  ComplaintSide,
  ComplaintToDecide,
  DesiredOutcome,
  ListedComplaint,
  ResolutionPreview,
} from './complaints-rows.ts';
import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import { sha256Hex } from './core/sha256.ts';
import type { Tables } from './generated/database.ts';
import { type Result, succeed } from './result.ts';
import type { Minor, Uuid } from './values.ts';

/** What a side complains about. */
export interface NewComplaint {
  /** The id of the booking or order. */
  payableId: Uuid;
  /** One of {@link Complaints.categories} for the kind and the caller's side. */
  category: string;
  /** 10 to 4000 characters. */
  description: string;
  desiredOutcome: DesiredOutcome;
  /** Minor units. Leave it out to ask for whatever is right. */
  desiredAmount?: Minor;
  /** At most 20 uploads of purpose `evidence_image`. */
  evidence?: Uuid[];
}

/** Amounts of a decision, in minor units. */
export interface ResolutionAmounts {
  /** Back to the payer. */
  refundAmount?: Minor;
  /** Of the deposit, to the host. */
  depositAmount?: Minor;
  /** Cancels a booking that has not begun, or all valid tickets of an order. */
  cancels?: boolean;
}

/** Complaints about a booking or an order of tickets. While one is live, the money is frozen. */
export class Complaints {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** What a side of a kind may complain about, in the order in which apps list it. */
  categories(
    input: { kind: ComplaintKind; side: ComplaintSide },
    options?: CallOptions,
  ): Promise<Result<ComplaintCategory[]>> {
    return this.#calls.table<ComplaintCategory[]>(
      'read',
      (client) =>
        client
          .from('complaint_categories')
          .select()
          .eq('kind', input.kind)
          .eq('side', input.side)
          .order('position')
          .limit(100),
      options,
    );
  }

  /**
   * Complains about a booking, from its booked start on, or about a paid order, until some days after the end. The money
   * is frozen until it is decided, the record of that moment is written, and a conversation with support begins
   * (`conversation_id`).
   * Errors: `payable_not_found`, `complaint_not_possible` (details.from, details.until), `complaint_exists`
   * (details.complaint_id), `media_not_found`, `media_not_ready`, `invalid_input`, `rate_limited`.
   *
   * @example
   * ```ts
   * const photo = await journey.media.upload({ purpose: 'evidence_image', file, mimeType: 'image/jpeg' });
   * await journey.complaints.open({ payableId: booking.id, category: 'unclean', description, desiredOutcome: 'refund',
   *   evidence: photo.data ? [photo.data.id] : [] });
   * ```
   */
  open(input: NewComplaint, options?: CommandOptions): Promise<Result<Complaint>> {
    return this.#calls.rpc(
      'open_complaint',
      {
        payable_id: input.payableId,
        category: input.category,
        description: input.description,
        desired_outcome: input.desiredOutcome,
        desired_amount: input.desiredAmount,
        evidence: input.evidence,
      },
      options,
    );
  }

  /**
   * Says what the other side has to say, once, in 1 to 4000 characters.
   * Errors: `complaint_not_found`, `forbidden` (the side that complains), `complaint_over`,
   * `media_not_found`, `media_not_ready`, `invalid_input`, `rate_limited`.
   */
  answer(
    input: { complaintId: Uuid; statement: string; evidence?: Uuid[] },
    options?: CallOptions,
  ): Promise<Result<Complaint>> {
    return this.#calls.rpc(
      'answer_complaint',
      { complaint_id: input.complaintId, statement: input.statement, evidence: input.evidence },
      options,
    );
  }

  /**
   * Adds uploads of purpose `evidence_image`; at most 20 of one person in all. Answers the person's own.
   * Errors: `complaint_not_found`, `complaint_over`, `media_not_found`, `media_not_ready`, `invalid_input`.
   */
  addEvidence(
    input: { complaintId: Uuid; mediaIds: Uuid[] },
    options?: CallOptions,
  ): Promise<Result<Tables['complaint_evidence'][]>> {
    return this.#calls.rpc(
      'add_complaint_evidence',
      { complaint_id: input.complaintId, media_ids: input.mediaIds },
      options,
    );
  }

  /**
   * Takes a live complaint back. The money moves on.
   * Errors: `complaint_not_found`, `forbidden` (the other side), `complaint_over`.
   */
  withdraw(complaintId: Uuid, options?: CallOptions): Promise<Result<Complaint>> {
    return this.#calls.rpc('withdraw_complaint', { complaint_id: complaintId }, options);
  }

  /**
   * The complaints of both sides that the signed-in person is a party of, newest first, or those about one booking or order.
   * Errors: `invalid_input`.
   *
   * @example `const { data: page } = await journey.complaints.list({ ofPayableId: booking.id })`
   */
  list(
    { ofPayableId, ...page }: PageOptions & { ofPayableId?: Uuid } = {},
    options?: CallOptions,
  ): List<ListedComplaint> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_complaints', { of_payable_id: ofPayableId, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * A complaint with its parties and evidence, for a party or staff.
   * Errors: `complaint_not_found`.
   */
  get(complaintId: Uuid, options?: CallOptions): Promise<Result<ComplaintDetail>> {
    return this.#calls.rpc('complaint_detail', { complaint_id: complaintId }, options);
  }

  /**
   * The frozen record of the moment when it was opened, with its hash computed here: `is_verified` says whether it is the
   * one that the backend says. Compare it with `record_sha256` in the first message of the conversation too.
   * Errors: `complaint_not_found`.
   *
   * @example
   * ```ts
   * const { data: frozen } = await journey.complaints.record(complaintId);
   * if (frozen?.is_verified) show(JSON.parse(frozen.record));
   * ```
   */
  async record(complaintId: Uuid, options?: CallOptions): Promise<Result<CheckedRecord>> {
    const { data, error } = await this.#calls.rpc('complaint_record', { complaint_id: complaintId }, options);
    if (error) return { data: null, error };
    const here = await sha256Hex(new TextEncoder().encode(data.record));
    return succeed({ ...data, is_verified: here === data.sha256 });
  }
}

/** Complaints, as staff sees them. Only people with the role `admin` move money. */
export class AdminComplaints {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Live complaints, the longest waiting first, or those of one of the staff.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(
    { assigneeId, ...page }: PageOptions & { assigneeId?: Uuid } = {},
    options?: CallOptions,
  ): List<ComplaintToDecide> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('complaints_to_decide', { of_assignee_id: assigneeId, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Takes a complaint, or gives it to another of the staff. Who takes it is in its conversation.
   * Errors: `forbidden`, `complaint_not_found`, `illegal_transition`, `conversation_not_found`,
   * `invalid_input`.
   */
  assign(input: { complaintId: Uuid; assigneeId?: Uuid }, options?: CallOptions): Promise<Result<Complaint>> {
    return this.#calls.rpc(
      'assign_complaint',
      { complaint_id: input.complaintId, assignee_id: input.assigneeId },
      options,
    );
  }

  /**
   * Puts a complaint back into the queue.
   * Errors: `forbidden`, `complaint_not_found`, `illegal_transition`, `invalid_input`.
   */
  handBack(input: { complaintId: Uuid; reason: string }, options?: CallOptions): Promise<Result<Complaint>> {
    return this.#calls.rpc(
      'hand_back_complaint',
      { complaint_id: input.complaintId, reason: input.reason },
      options,
    );
  }

  /**
   * Rejects a complaint with a reason of 3 to 2000 characters that both sides read. The freeze ends.
   * Errors: `forbidden`, `complaint_not_found`, `illegal_transition`, `invalid_input`.
   */
  reject(input: { complaintId: Uuid; finding: string }, options?: CallOptions): Promise<Result<Complaint>> {
    return this.#calls.rpc(
      'reject_complaint',
      { complaint_id: input.complaintId, finding: input.finding },
      options,
    );
  }

  /**
   * Takes a rejected complaint up again, before it is closed. What is left of the money is frozen again.
   * Errors: `forbidden`, `complaint_not_found`, `illegal_transition`, `conversation_not_found`,
   * `invalid_input`.
   */
  reopen(input: { complaintId: Uuid; reason: string }, options?: CallOptions): Promise<Result<Complaint>> {
    return this.#calls.rpc(
      'reopen_complaint',
      { complaint_id: input.complaintId, reason: input.reason },
      options,
    );
  }

  /**
   * What a decision would move.
   * Errors: `forbidden`, `complaint_not_found`, `complaint_amount_too_high` (details.refundable_amount,
   * details.deposit_left), `invalid_input`.
   */
  preview(
    input: { complaintId: Uuid } & ResolutionAmounts,
    options?: CallOptions,
  ): Promise<Result<ResolutionPreview>> {
    return this.#calls.rpc(
      'preview_resolution',
      {
        complaint_id: input.complaintId,
        refund_amount: input.refundAmount,
        deposit_amount: input.depositAmount,
        cancels: input.cancels,
      },
      options,
    );
  }

  /**
   * Decides for a complaint, and moves the money in the same transaction. `expectedHostChange` is the `host_change` of
   * {@link AdminComplaints.preview}. When money moves, the session needs a passed step-up.
   * Errors: `forbidden`, `complaint_not_found`, `illegal_transition`, `complaint_amount_too_high`,
   * `complaint_amounts_changed` (details.preview), `statement_awaited` (details.until), `step_up_required`,
   * `deposit_not_enough` (details.left), `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: shown } = await journey.admin.complaints.preview({ complaintId, refundAmount: 200_000 });
   * if (shown) await journey.admin.complaints.resolve({ complaintId, refundAmount: 200_000, finding, expectedHostChange: shown.host_change });
   * ```
   */
  resolve(
    input: { complaintId: Uuid; finding: string; expectedHostChange: Minor } & ResolutionAmounts,
    options?: CommandOptions,
  ): Promise<Result<Complaint>> {
    return this.#calls.rpc(
      'resolve_complaint',
      {
        complaint_id: input.complaintId,
        finding: input.finding,
        expected_host_change: input.expectedHostChange,
        refund_amount: input.refundAmount,
        deposit_amount: input.depositAmount,
        cancels: input.cancels,
      },
      options,
    );
  }
}
