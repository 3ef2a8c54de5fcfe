import type { Env } from '../../env.ts';

export interface PayosConfig {
  name: 'payos';
}

export function payosConfig(_env: Env): PayosConfig | null {
  return null;
}
