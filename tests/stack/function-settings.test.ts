import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../local/config.ts';
import { functionEnvironment } from '../../local/functions/environment.ts';

it('the settings of functions are read from the project’s own file, but for the addresses of providers', () => {
  const root = mkdtempSync(join(tmpdir(), 'journey-settings-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'supabase', 'functions'), { recursive: true });
  const file =
    'APP_RETURN_URLS=myapp://,exp://\nMOMO_API_URL=https://payment.momo.vn\nJOURNEY_ENV=production\n';
  writeFileSync(join(root, 'supabase', 'functions', '.env'), file);
  const environment = functionEnvironment({ ...loadConfig('dev'), root });
  expect(environment).toMatchObject({ APP_RETURN_URLS: 'myapp://,exp://', JOURNEY_ENV: 'local' });
  expect(environment.MOMO_API_URL).toMatch(/^http:\/\/127\.0\.0\.1:/);
});
