// Makes the pictures that are shown from those that were uploaded:  node worker/main.ts
import { connect } from './backend.ts';
import { readSettings } from './settings.ts';
import { startWorker } from './work.ts';

const settings = readSettings(process.env);
const worker = startWorker(connect(settings), settings, (line) => console.log(JSON.stringify(line)));
console.log(JSON.stringify({ level: 'info', worker: 'media', message: 'started', pid: process.pid }));

// `disconnect`: the program that started it, such as the local stack, is gone
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const)
  process.once(event, async () => {
    await worker.stop();
    process.exit();
  });
