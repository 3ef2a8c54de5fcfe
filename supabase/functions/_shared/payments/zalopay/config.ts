import type { Env } from '../../env.ts';

export interface ZalopayConfig {
  name: 'zalopay';
}

export function zalopayConfig(_env: Env): ZalopayConfig | null {
  return null;
}
