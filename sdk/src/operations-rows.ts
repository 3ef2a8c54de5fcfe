import type { Rows } from './generated/database.ts';
import type { Timestamp } from './values.ts';

/** A row of the outbox that was given up: something that should have reached a provider or a person and did not. */
export interface DeadLetter extends Omit<Rows['list_dead_letters'], 'correlation_id' | 'last_error'> {
  /** Finds it in the logs. */
  correlation_id: string | null;
  /** Why the last try failed. */
  last_error: string | null;
}

/** A job and its runs. What is said of runs is null or 0 where the database has no pg_cron. */
export interface Job
  extends Omit<
    Rows['list_jobs'],
    'last_started_at' | 'last_succeeded_at' | 'last_status' | 'last_message' | 'last_ms'
  > {
  last_started_at: Timestamp | null;
  last_succeeded_at: Timestamp | null;
  last_status: string | null;
  /** What a run that failed said. */
  last_message: string | null;
  last_ms: number | null;
}

declare module './core/shapes.ts' {
  interface Shapes {
    list_dead_letters: DeadLetter;
    list_jobs: Job;
  }
}
