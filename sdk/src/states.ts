import { type EventOf, type Machine, type StateOf, transitions } from './generated/states.ts';

/**
 * Whether a machine may take an event in a state: which buttons to show. Deadlines and rights are the backend's
 * to judge, so a `true` here may still be refused.
 *
 * @example `canMove('booking', booking.status, 'cancel')`
 */
export function canMove<M extends Machine>(machine: M, state: StateOf<M>, event: EventOf<M>): boolean {
  return transitions[machine].some((move) => move.from === state && move.event === event);
}
