import { errorText } from '../error.ts';
import type { RpcName } from '../generated/calls.ts';
import type { Failure } from './failure.ts';

/** Arguments of methods that are not the database's in camelCase. */
const renamed: Partial<Record<RpcName, Record<string, string>>> = {
  add_vehicle_image: { at_position: 'position' },
  get_users: { ids: 'userIds' },
  list_message_changes: { after_change: 'change' },
  list_members: { in_conversation_id: 'conversationId' },
  list_messages: { before_seq: 'after' },
  list_notifications: { before_seq: 'after' },
  notifications_since: { after_seq: 'since' },
  payment_events_needing_review: { after_id: 'after' },
  public_profile: { id: 'userId' },
  search_messages: { q: 'query' },
  search_users: { q: 'query' },
  send_message: { attachments: 'files' },
  request_upload: { byte_size: 'file', sha256: 'file' },
  search_events: { from_at: 'from', to_at: 'to' },
  configure_event: { details: 'config' },
  reschedule_event: { details: 'changes' },
  update_discount: { details: 'changes' },
  update_organizer_discount: { details: 'changes' },
  update_event: { details: 'changes' },
  update_organizer: { details: 'changes' },
  update_ticket_class: { details: 'changes' },
  update_address: { details: 'changes' },
  update_vehicle: { details: 'changes' },
  update_webhook_endpoint: { details: 'changes' },
  complaints_to_decide: { of_assignee_id: 'assigneeId' },
  my_vehicle_documents: { of_vehicle_id: 'vehicleId' },
  my_external_calendars: { of_vehicle_id: 'vehicleId' },
  save_search: { criteria: 'search' },
  vehicle_calendar: { from_at: 'from', to_at: 'to' },
  my_calendar: { from_at: 'from', to_at: 'to' },
};

/** Functions with an argument in the shape of a row: its fields are columns, here as there. */
const takesRow: ReadonlySet<RpcName> = new Set<RpcName>([
  'create_vehicle',
  'update_vehicle',
  'create_organizer',
  'update_organizer',
  'create_event',
  'update_event',
  'reschedule_event',
  'configure_event',
  'add_ticket_class',
  'update_ticket_class',
  'create_discount',
  'update_discount',
  'create_organizer_discount',
  'update_organizer_discount',
]);

/** Arguments beside the row, which no row that an app writes has. */
const besideRow: ReadonlySet<string> = new Set([
  'vehicle_id',
  'organizer_id',
  'event_id',
  'class_id',
  'discount_id',
  'idempotency_key',
]);

const camel = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** How the method that calls a database function names one of its arguments, or a field of it. */
export function fieldOfCommand(command: RpcName, field: string): string {
  const known = renamed[command]?.[field];
  if (known !== undefined) return known;
  return takesRow.has(command) && !besideRow.has(field) ? field : camel(field);
}

/** How a method that calls an edge function names a field of the body; `a.b` is a field in an object. */
export const fieldOfBody = camel;

/** What was sent, and how the method that sent it calls it. */
export interface Sent {
  given: Record<string, unknown>;
  nameOf(field: string): string;
}

/** A refusal of the input in the words of the method: with its names of the fields, and with them in the message. */
export function inWordsOf({ given, nameOf }: Sent, failure: Failure): Failure {
  if (failure.code !== 'invalid_input' && failure.code !== 'unknown_field') return failure;
  const { field, problem } = { ...saidByPostgres(given, failure.message), ...failure.details };
  if (typeof field !== 'string') return failure;
  const details: Record<string, unknown> = { ...failure.details, field: nameOf(field) };
  // A problem may speak of another argument: `must come after starts_at`.
  if (typeof problem === 'string')
    details.problem = problem.replace(/[a-z]+(_[a-z]+)+/g, (word) => (word in given ? nameOf(word) : word));
  return { ...failure, details, message: inputMessage(failure.code, details) };
}

/** PostgreSQL names a value that it cannot read, and a constraint by its table and column, but no argument. */
function saidByPostgres(
  given: Record<string, unknown>,
  message: string,
): { field?: string; problem?: string } {
  const [, problem, value] = /^([^"]*): "([\s\S]*)"$/.exec(message) ?? [];
  const [, constraint = ''] = / constraint "(\w+)"$/.exec(message) ?? [];
  const names = Object.keys(given);
  const field =
    value === undefined
      ? names.find((name) => constraint.includes(`_${name}_`))
      : names.find((name) => String(given[name]) === value);
  return { field, problem: problem ?? 'is not allowed' };
}

/** The message of a refusal of the input, which names the field. */
export function inputMessage(
  code: 'invalid_input' | 'unknown_field',
  { field, problem }: Record<string, unknown>,
): string {
  if (typeof field !== 'string') return errorText({ code }, 'en');
  return code === 'unknown_field' ? `There is no field ${field}.` : `${field}: ${problem ?? 'is not valid'}.`;
}
