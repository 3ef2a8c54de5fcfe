import { createServer } from 'node:http';
import type { StackConfig } from '../local/config.ts';
import { createDataAndAuth } from '../local/gateway/data-and-auth.ts';
import { sendResponse, toRequest } from '../local/gateway/http.ts';

/** A process with the Data API of the local stack over one database, and nothing else. */
async function serve(config: StackConfig): Promise<void> {
  const data = await createDataAndAuth(config);
  const server = createServer((incoming, outgoing) => {
    const base = `http://${incoming.headers.host}`;
    data
      .rest(toRequest(incoming, base))
      .then((response) => sendResponse(outgoing, response, false))
      .catch((error: unknown) => {
        console.error(error);
        outgoing.destroy();
      });
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
  });
}

process.once('message', (config: StackConfig) => void serve(config));
