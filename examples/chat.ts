// A chat in the terminal. Sign in with a demo account, and write to somebody:
//   npx node examples/chat.ts renter@journey.example 'Host'
// In an app: import { createJourney } from '@journey/sdk'
import { createInterface } from 'node:readline';
import { createJourney, type Message, type Result } from '../sdk/src/index.ts';

const { API_URL = 'http://127.0.0.1:54321', PUBLISHABLE_KEY = '', PASSWORD = 'journey-demo' } = process.env;
const [email = 'renter@journey.example', name] = process.argv.slice(2);
const journey = createJourney({ url: API_URL, publishableKey: PUBLISHABLE_KEY });

function must<T>({ data, error }: Result<T>): T {
  if (error) throw error; // error.code: not_found, rate_limited, …
  return data;
}

/** The conversation to show: with the person of that name, or the one with the newest message. */
async function findConversation(): Promise<string> {
  if (name) {
    const [person] = must(await journey.profiles.search({ query: name })).rows;
    if (!person) throw new Error(`Nobody is called ${name}.`);
    return must(await journey.chat.openDirect(person.user_id)).id;
  }
  const [newest] = must(await journey.chat.list()).rows;
  if (!newest) throw new Error('There is no conversation yet. Name somebody to write to.');
  return newest.conversation_id;
}

const { user } = must(await journey.auth.signIn({ email, password: PASSWORD }));
const conversationId = await findConversation();
const people = must(await journey.chat.members(conversationId)).map(({ user_id }) => user_id);
const names = new Map(
  must(await journey.profiles.getMany(people)).map((one) => [one.user_id, one.display_name]),
);

function show({ seq, sender_id, kind, body, edited_at, deleted_at }: Message): void {
  const who = kind === 'system' ? '*' : sender_id === user.id ? 'you' : names.get(sender_id ?? '');
  console.log(`${seq} ${who}: ${deleted_at ? '(deleted)' : body}${edited_at ? ' (edited)' : ''}`);
}

// what is written without a connection waits, and is sent once and in order
const waiting = new Map<string, string>();
const queue = must(
  await journey.chat.queue(
    { getItem: (key) => waiting.get(key) ?? null, setItem: (key, value) => waiting.set(key, value) },
    { onRefused: ({ body }, { message }) => console.log(`not sent: ${body}: ${message}`) },
  ),
);
const open = must(
  await journey.chat.watch(
    conversationId,
    {
      onMessage: (message) => {
        show(message);
        if (message.sender_id !== user.id) void journey.chat.markRead(conversationId, message.seq);
      },
      onTyping: (userId) => console.log(`${names.get(userId)} is typing`),
      onRead: (userId, seq) => console.log(`${names.get(userId)} has read ${seq}`),
    },
    { present: true },
  ),
);
console.log('Write a line, /find words, or /quit');

for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', ...words] = line.trim().split(' ');
  if (command === '/quit') break;
  if (command === '/find') {
    const found = must(await journey.chat.search({ query: words.join(' '), conversationId }));
    for (const { seq, body } of found.rows) console.log(`found ${seq}: ${body}`);
  } else if (command) {
    await queue.add(conversationId, { body: line });
  }
}
await queue.flush();
queue.stop();
open.unsubscribe();
await journey.close();
process.stdin.destroy();
