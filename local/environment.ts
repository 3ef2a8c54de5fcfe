import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiUrl, databaseUrl, mailUrl, type StackConfig, sandboxUrl } from './config.ts';

/** The addresses and keys of a stack, by the names that tests, the tour and apps use. */
export interface StackEnvironment {
  API_URL: string;
  FUNCTIONS_URL: string;
  DB_URL: string;
  ADMIN_DB_URL: string;
  MAIL_URL: string;
  SANDBOX_URL: string;
  PUBLISHABLE_KEY: string;
  SECRET_KEY: string;
  JWT_SECRET: string;
}

export function stackEnvironment(config: StackConfig): StackEnvironment {
  return {
    API_URL: apiUrl(config),
    FUNCTIONS_URL: `${apiUrl(config)}/functions/v1`,
    DB_URL: databaseUrl(config),
    ADMIN_DB_URL: databaseUrl(config, 'supabase_admin'),
    MAIL_URL: mailUrl(config),
    SANDBOX_URL: sandboxUrl(config),
    PUBLISHABLE_KEY: config.publishableKey,
    SECRET_KEY: config.secretKey,
    JWT_SECRET: config.jwtSecret,
  };
}

/** Writes `.local/<name>/env`, and for the dev stack also `.local/env`, for `set -a; . .local/env`. */
export function writeEnvironment(config: StackConfig): void {
  const lines = Object.entries(stackEnvironment(config)).map(([name, value]) => `${name}=${value}`);
  const text = `${lines.join('\n')}\n`;
  writeFileSync(join(config.dir, 'env'), text, { mode: 0o600 });
  if (config.name === 'dev') writeFileSync(join(config.root, '.local', 'env'), text, { mode: 0o600 });
}
