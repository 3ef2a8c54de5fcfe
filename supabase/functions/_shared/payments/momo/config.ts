import type { Env } from '../../env.ts';

export interface MomoConfig {
  name: 'momo';
}

export function momoConfig(_env: Env): MomoConfig | null {
  return null;
}
