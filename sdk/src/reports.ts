import type { CallOptions, Calls } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import type {
  ListedReport,
  LoggedAction,
  ModerationAction,
  ModerationCase,
  OwnModeration,
  Report,
  ReportCategory,
  ReportedSubject,
  ReportKind,
} from './reports-rows.ts';
import type { Result } from './result.ts';
import type { Timestamp, Uuid } from './values.ts';

/** What is reported or taken down. */
export interface ReportSubject {
  kind: ReportKind;
  /** The id of the vehicle, person, event or review; of a message, that of its conversation. */
  subjectId: Uuid;
  /** Of a message. */
  seq?: number;
}

export interface NewReport extends ReportSubject {
  /** One of {@link Reports.categories}. */
  category: string;
  /** At most 2000 characters; needed for the category `other`. */
  description?: string;
}

/** Reports to staff. Whom a report is about never learns who made it. */
export class Reports {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** What a kind may be reported for, in the order to show it. */
  categories(kind: ReportKind, options?: CallOptions): Promise<Result<ReportCategory[]>> {
    return this.#calls.table<ReportCategory[]>(
      'read',
      (client) => client.from('report_categories').select().eq('kind', kind).order('position').limit(100),
      options,
    );
  }

  /**
   * Reports something that the signed-in person can see. One report of a person about a subject is open at a time; the same
   * again answers it. A notification tells the outcome.
   * Errors: `not_found` (also what the caller cannot see), `report_exists` (details.report_id),
   * `invalid_input`, `rate_limited`.
   *
   * @example `await journey.reports.create({ kind: 'message', subjectId: conversationId, seq: message.seq, category: 'spam' })`
   */
  create(
    { kind, subjectId, seq, category, description }: NewReport,
    options?: CallOptions,
  ): Promise<Result<Report>> {
    return this.#calls.rpc(
      'create_report',
      { kind, subject_id: subjectId, category, description, seq },
      options,
    );
  }

  /**
   * What the signed-in person has reported, newest first, with how it ended.
   * Errors: `invalid_input`.
   */
  mine(page: PageOptions = {}, options?: CallOptions): List<ListedReport> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_reports', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * What staff has hidden or suspended of the signed-in person, newest first, with the reason. Who disagrees writes to
   * support: `chat.openSupport()`.
   * Errors: `invalid_input`.
   */
  actionsAgainstMe(page: PageOptions = {}, options?: CallOptions): List<OwnModeration> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_moderation', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }
}

/** What people reported, and what staff does about it. Every action can be taken back. */
export class AdminModeration {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * What was reported and waits, one row for each subject, the longest waiting first; of one kind, or of all. Take a case
   * with `admin.claimReview({ kind: 'report', subjectId: row.id })`.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(
    { ofKind, ...page }: PageOptions & { ofKind?: ReportKind } = {},
    options?: CallOptions,
  ): List<ReportedSubject> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('reports_to_review', { of_kind: ofKind, after, page_size }, options);
    return readList({ by: ['waiting_since', 'id'], read }, page, options);
  }

  /**
   * All of one case: the subject as it is, every report with what its reporter saw, and every action.
   * Errors: `forbidden`, `not_found`.
   */
  get(caseId: Uuid, options?: CallOptions): Promise<Result<ModerationCase>> {
    return this.#calls.rpc('moderation_case', { case_id: caseId }, options);
  }

  /**
   * Answers all open reports of a case without taking anything down. `reports` is how many open ones were looked at: when
   * there are more by now, nothing is decided. Reporters are told; the reason, of 3 to 500 characters, is for the log.
   * Errors: `forbidden` (also about what is the caller's own or reported by the caller), `not_found`,
   * `illegal_transition` (nothing is open), `reports_changed` (details.reports), `review_claimed`,
   * `invalid_input`.
   */
  decide(
    input: { caseId: Uuid; uphold: boolean; reason: string; reports?: number },
    options?: CallOptions,
  ): Promise<Result<ModerationAction>> {
    return this.#calls.rpc(
      'decide_reports',
      { case_id: input.caseId, uphold: input.uphold, reason: input.reason, reports: input.reports },
      options,
    );
  }

  /**
   * Suspends a vehicle, hides an event, message or review; an admin suspends a person. Its owner reads the reason, of 3 to 500
   * characters, and its open reports are upheld. `until` is for people alone.
   * Errors: `forbidden`, `not_found`, `subject_gone`, `subject_restricted`, `illegal_transition` (a vehicle
   * that is not offered), `review_claimed`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.admin.moderation.list();
   * const [row] = page?.rows ?? [];
   * if (row?.kind === 'event')
   *   await journey.admin.moderation.restrict({ kind: 'event', subjectId: row.subject_id, reason: 'It does not take place' });
   * ```
   */
  restrict(
    input: ReportSubject & { reason: string; until?: Timestamp },
    options?: CallOptions,
  ): Promise<Result<ModerationAction>> {
    const { kind, subjectId, reason, seq, until } = input;
    return this.#calls.rpc('restrict_subject', { kind, subject_id: subjectId, reason, seq, until }, options);
  }

  /**
   * Takes an action back: the subject is as it was before. When its owner has changed it since, look at it again and pass
   * the version of details to restore it as it is now. The reason is for the log.
   * Errors: `forbidden`, `not_found`, `action_over`, `subject_gone`, `subject_changed` (details.version),
   * `plate_taken` (another offered vehicle has it), `review_claimed`, `invalid_input`.
   */
  restore(
    input: { actionId: Uuid; reason: string; version?: string },
    options?: CallOptions,
  ): Promise<Result<ModerationAction>> {
    return this.#calls.rpc(
      'restore_subject',
      { action_id: input.actionId, reason: input.reason, version: input.version },
      options,
    );
  }

  /**
   * What staff decided, newest first, or what concerns one person.
   * Errors: `forbidden`, `invalid_input`.
   */
  log(
    { ofOwnerId, ...page }: PageOptions & { ofOwnerId?: Uuid } = {},
    options?: CallOptions,
  ): List<LoggedAction> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('moderation_log', { of_owner_id: ofOwnerId, after, page_size }, options);
    return readList({ by: ['number'], read }, page, options);
  }
}
