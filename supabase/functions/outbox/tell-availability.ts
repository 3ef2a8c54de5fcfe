import { z } from 'zod';
import { availabilityPayload } from '../_shared/contracts/outbox.ts';
import { done, effectOf } from './effect.ts';

/**
 * Topic `availability`: a second after something of an event was told, looks whether that was the last word. It calls nothing
 * outside. It is here because a row of the outbox is the clock, and because what it sees is committed.
 */
export const tellAvailability = effectOf(
  'availability',
  'nobody',
  availabilityPayload,
  async ({ event_id }, _item, { service }) =>
    done(null, { told: await service.call('tell_availability', { event_id }, z.boolean().nullable()) }),
);
