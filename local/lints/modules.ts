// Modules depend on each other in one direction. Who owns a table, type or function follows from the file that creates
// it; who refers to it, from the code of functions, policies, triggers and foreign keys. What a module registers by
// name with another one is a string here, and no reference: that is how the one below calls the one above.

import { type MigrationFile, readMigrations } from './sql.ts';
import { codeOf, splitStatements } from './statements.ts';

export interface ModuleProblem {
  module: string;
  problem: string;
}

/**
 * These know one another: a profile has a picture, a picture has an owner, anybody who signs up gets an inbox, and a move of
 * a state machine tells people. They are one unit, which every module may refer to.
 */
const base: readonly string[] = ['foundation', 'identity', 'media', 'notifications'];

/** What each other module may refer to, beside itself and the base. A cycle is refused. */
export const directions: Readonly<Record<string, readonly string[]>> = {
  webhooks: [],
  ledger: [],
  payables: ['ledger'],
  transfers: [],
  payments: ['ledger', 'payables', 'transfers', 'webhooks'],
  refunds: ['ledger', 'payables', 'payments', 'transfers', 'webhooks'],
  unmatched: ['ledger', 'payables', 'payments', 'refunds', 'transfers'],
  reversals: ['ledger', 'payables', 'payments', 'refunds', 'transfers'],
  payouts: ['ledger', 'payables', 'payments', 'transfers', 'webhooks'],
  receipts: ['payables', 'payments', 'refunds'],
  vehicles: ['webhooks'],
  discounts: ['receipts'],
  pricing: ['discounts', 'receipts', 'vehicles'],
  bookings: [
    'discounts',
    'ledger',
    'payables',
    'payments',
    'pricing',
    'receipts',
    'refunds',
    'vehicles',
    'webhooks',
  ],
  reviews: ['bookings', 'vehicles', 'webhooks'],
  chat: ['bookings'],
  ticketing: ['discounts', 'ledger', 'payables', 'payments', 'receipts', 'refunds', 'webhooks'],
  complaints: [
    'bookings',
    'chat',
    'ledger',
    'payables',
    'payments',
    'payouts',
    'pricing',
    'receipts',
    'refunds',
    'ticketing',
    'transfers',
    'webhooks',
  ],
  waiting: ['payments', 'ticketing'],
  reports: ['chat', 'reviews', 'ticketing', 'vehicles'],
  operations: ['payments', 'refunds', 'transfers', 'webhooks'],
  analytics: ['bookings', 'ledger', 'operations', 'vehicles'],
};

export interface Reference {
  from: string;
  to: string;
  name: string;
  file: string;
}

function moduleOf(file: string): string {
  return /^\d+_([a-z]+)/.exec(file)?.[1] ?? file;
}

/** Every object that the migrations create in public or private, with the module of its file. */
function ownersOf(files: readonly MigrationFile[]): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { name, sql } of files) {
    for (const { text } of splitStatements(sql)) {
      const made =
        /^create (?:or replace )?(?:unlogged )?(?:table|view|type|function|procedure) ((?:public|private)\.\w+)/i.exec(
          text,
        )?.[1];
      // an overload of another module is no other thing: the first file that makes a name owns it
      const key = made?.toLowerCase();
      if (key && !owners.has(key)) owners.set(key, moduleOf(name));
    }
  }
  return owners;
}

/** Each object of another module that a module refers to, once. */
export function referencesOf(files: readonly MigrationFile[]): Reference[] {
  const owners = ownersOf(files);
  const found = new Map<string, Reference>();
  for (const { name: file, sql } of files) {
    const from = moduleOf(file);
    for (const { text, bodies } of splitStatements(sql)) {
      const code = bodies.reduce((rest, body) => rest.replace(body, ` ${codeOf(body)} `), text);
      for (const [name] of codeOf(code).matchAll(/\b(?:public|private)\.\w+/gi)) {
        const to = owners.get(name.toLowerCase());
        if (to && to !== from) found.set(`${from} ${name}`, { from, to, name, file });
      }
    }
  }
  return [...found.values()];
}

/** A way round that leads back to where it began, or null. */
export function cycleIn(allowed: Readonly<Record<string, readonly string[]>>): string[] | null {
  const done = new Set<string>();
  const visit = (module: string, path: readonly string[]): string[] | null => {
    if (path.includes(module)) return [...path.slice(path.indexOf(module)), module];
    if (done.has(module)) return null;
    for (const next of allowed[module] ?? []) {
      const cycle = visit(next, [...path, module]);
      if (cycle) return cycle;
    }
    done.add(module);
    return null;
  };
  for (const module of Object.keys(allowed)) {
    const cycle = visit(module, []);
    if (cycle) return cycle;
  }
  return null;
}

export function moduleProblems(
  files: readonly MigrationFile[],
  allowed: Readonly<Record<string, readonly string[]>> = directions,
): ModuleProblem[] {
  const cycle = cycleIn(allowed);
  const references = referencesOf(files);
  const modules = new Set(files.map(({ name }) => moduleOf(name)));
  return [
    ...(cycle ? [{ module: cycle[0] ?? '', problem: `is in a cycle: ${cycle.join(' → ')}` }] : []),
    ...[...modules]
      .filter((module) => !base.includes(module) && !(module in allowed))
      .map((module) => ({ module, problem: 'has no line in local/lints/modules.ts' })),
    ...references
      .filter(({ from, to }) => !base.includes(to) && !(allowed[from] ?? []).includes(to))
      .map(({ from, to, name, file }) => ({
        module: from,
        problem: `may not refer to ${to}, and does to ${name} in ${file}`,
      })),
    ...Object.entries(allowed).flatMap(([module, others]) =>
      others
        .filter((other) => !references.some(({ from, to }) => from === module && to === other))
        .map((other) => ({ module, problem: `may refer to ${other}, and does not: take it off the list` })),
    ),
  ];
}

export function checkModules(folder: string): ModuleProblem[] {
  return moduleProblems(readMigrations(folder));
}
