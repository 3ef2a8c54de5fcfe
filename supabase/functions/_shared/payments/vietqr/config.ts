import type { Env } from '../../env.ts';

export interface VietqrConfig {
  name: 'vietqr';
}

export function vietqrConfig(_env: Env): VietqrConfig | null {
  return null;
}
