import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './config.ts';

type Value = string | number | boolean | string[];

/** What the stack reads from `supabase/config.toml`, by section. */
export interface ProjectSettings {
  get(section: string, key: string): Value | undefined;
  sections: string[];
}

function parseValue(text: string): Value {
  const value = text.trim();
  if (value === 'true' || value === 'false') return value === 'true';
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return JSON.parse(value) as Value;
}

/**
 * Reads the part of TOML that config.toml uses: sections, and strings, numbers, booleans and lists of strings
 * on one line. The CLI has the full parser and refuses a wrong file.
 */
export function parseSettings(text: string): ProjectSettings {
  const sections = new Map<string, Map<string, Value>>();
  let current = new Map<string, Value>();
  sections.set('', current);
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const header = /^\[([A-Za-z0-9_.-]+)\]$/.exec(line);
    if (header?.[1]) {
      current = new Map();
      sections.set(header[1], current);
      continue;
    }
    const pair = /^([A-Za-z0-9_-]+)\s*=\s*(.+)$/.exec(line);
    if (!pair?.[1] || !pair[2]) continue;
    current.set(pair[1], parseValue(pair[2].replace(/\s+#[^"]*$/, '')));
  }
  return {
    sections: [...sections.keys()],
    get: (section, key) => sections.get(section)?.get(key),
  };
}

/** The project's settings, or empty ones when there is no file. */
export function readProjectSettings(): ProjectSettings {
  const file = join(projectRoot, 'supabase', 'config.toml');
  return parseSettings(existsSync(file) ? readFileSync(file, 'utf8') : '');
}
