// Receives webhook events and prints them. `WEBHOOK_SECRET` is what `webhooks.create` showed:
//   WEBHOOK_SECRET=whsec_… npx node examples/webhook-receiver.ts 3000
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

interface Event {
  id: string;
  /** The machine and the move, such as booking.confirm. */
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

const [port = '3000'] = process.argv.slice(2);
const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? '');
// an event may come twice; a real receiver keeps the ids of some days in its database
const seen = new Set<string>();

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  let event: Event;
  try {
    event = webhook.verify(body, request.headers as Record<string, string>) as Event;
  } catch {
    response.writeHead(400).end('not genuine');
    return;
  }
  // answer first: what takes long comes afterwards
  response.writeHead(204).end();
  if (seen.has(event.id)) return;
  seen.add(event.id);
  console.log(event.timestamp, event.type, JSON.stringify(event.data));
});
server.listen(Number(port), '127.0.0.1', () => console.log(`Listening at http://127.0.0.1:${port}`));
