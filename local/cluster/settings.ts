import { totalmem } from 'node:os';
import type { StackConfig } from '../config.ts';

/** Where a database that is measured has its socket. */
export const socketFolder = '/tmp';

/** The server settings of a private cluster: loopback only, logical decoding on, pg_cron loaded. */
export function serverSettings(config: StackConfig): string {
  const quarter = Math.floor(totalmem() / 4 / 1024 / 1024);
  const settings: Record<string, string> = {
    listen_addresses: `'${config.host}'`,
    // TCP only: socket paths have a length limit, and a deep clone exceeds it. Benchmarks need a socket, because it
    // costs least.
    unix_socket_directories: config.name === 'bench' ? `'${socketFolder}'` : "''",
    wal_level: 'logical',
    max_replication_slots: '20',
    max_wal_senders: '20',
    // The slot of a listener that died remains. Without a limit, its backlog would fill the disk.
    max_slot_wal_keep_size: "'1GB'",
    max_wal_size: "'2GB'",
    // Races of two test files at once open some sixty connections each, beside those of the stack.
    max_connections: '240',
    max_worker_processes: '20',
    shared_preload_libraries: "'pg_stat_statements,pg_cron'",
    'cron.database_name': "'postgres'",
    // With this, jobs need no password.
    'cron.use_background_workers': 'on',
    timezone: "'UTC'",
    log_timezone: "'UTC'",
    password_encryption: "'scram-sha-256'",
    shared_buffers: `'${config.name === 'bench' ? Math.max(256, Math.min(quarter, 8192)) : 128}MB'`,
    work_mem: "'8MB'",
    maintenance_work_mem: "'64MB'",
    log_min_messages: "'warning'",
    log_line_prefix: "'%m [%p] %u '",
    log_min_error_statement: "'panic'",
  };
  if (config.unsafeFast) {
    // DO NOT switch off synchronous_commit: logical decoding, and so Realtime, would lag behind the commit.
    settings.fsync = 'off';
    settings.full_page_writes = 'off';
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  return `# Written at every start by local/cluster/settings.ts\n${lines.join('\n')}\n`;
}
