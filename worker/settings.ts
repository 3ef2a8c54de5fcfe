import { z } from 'zod';
import type { Limits } from './pictures/studio.ts';

const whole = (fallback: number, from: number, to: number) =>
  z.coerce.number().int().min(from).max(to).default(fallback);

const environment = z.object({
  SUPABASE_URL: z.url(),
  SUPABASE_SECRET_KEY: z.string().min(1),
  MEDIA_PROCESSES: whole(1, 1, 32),
  MEDIA_POLL_MS: whole(1000, 50, 60_000),
  MEDIA_JOB_SECONDS: whole(30, 1, 60),
  MEDIA_JOB_MEGABYTES: whole(1500, 200, 32_000),
});

export interface Settings {
  url: string;
  secretKey: string;
  /** How many pictures are read side by side. */
  processes: number;
  pollMs: number;
  limits: Limits;
}

/** Reads the environment. Throws an error that names what is missing or wrong, without its value. */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const read = environment.safeParse(env);
  if (!read.success) {
    const names = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new Error(`The settings of the worker are not complete. ${names.join('; ')}`);
  }
  const { data } = read;
  return {
    url: data.SUPABASE_URL,
    secretKey: data.SUPABASE_SECRET_KEY,
    processes: data.MEDIA_PROCESSES,
    pollMs: data.MEDIA_POLL_MS,
    limits: { seconds: data.MEDIA_JOB_SECONDS, megabytes: data.MEDIA_JOB_MEGABYTES },
  };
}
