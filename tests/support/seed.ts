/**
 * Where a run begins to draw. It is the same each time, so that a failure comes from a change and not from luck. Another
 * number in `name` searches further.
 */
export const seedOf = (name: 'CHAOS_SEED' | 'MODEL_SEED'): number => Number(process.env[name] ?? 20261120);
