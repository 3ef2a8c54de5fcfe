import { z } from 'zod';

/** Answer of `unsubscribe_state` and `set_subscribed`. Null when the token is not genuine. */
export const subscription = z
  .looseObject({
    category: z.string(),
    name: z.string(),
    locale: z.enum(['vi', 'en']),
    subscribed: z.boolean(),
  })
  .nullable();
export type Subscription = NonNullable<z.infer<typeof subscription>>;
