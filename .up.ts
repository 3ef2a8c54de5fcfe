import { startScratch } from './local/cluster/scratch.ts';
import { createLog } from './local/log.ts';

console.log(await startScratch({ name: 'sdkgen', fresh: true, port: 27371 }, createLog()));
